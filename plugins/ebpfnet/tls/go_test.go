package tls

import (
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/nettest"
)

// expect is what n requests for a path with 0 to 4 appended should give.
func expect(direction flow.Direction, pid int, server, version, path string, status, n int) map[result]int {
	want := map[result]int{}
	for i := range n {
		want[result{direction, uint32(pid), netip.MustParseAddrPort(server), version, "GET", path + fmt.Sprint(i%5), status, -1}]++
	}
	return want
}

// TestGo: client and server of net/http, both in programs that started
// before.
func TestGo(t *testing.T) {
	for _, tt := range []struct{ name, kind, version, path string }{
		{"keep-alive", "h1", "1.1", "/a/200/10/"},
		{"short connections", "short", "1.1", "/b/404/0/"},
		{"large answers", "h1", "1.1", "/c/200/200000/"},
		{"http2", "h2", "2", "/d/200/3000/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := nettest.New(t)
			cert, key := certificate(t)
			server, client := start(t, w.Far, "app", ""), start(t, w.Near, "app", "")
			addr := server.do("serve %s:0 %s %s", w.Far.V4, cert, key)
			client.do("client %s", tt.kind)
			o := observe(t, w)
			o.uses(server.pid)
			o.uses(client.pid)
			n := 200
			status := 200
			if tt.kind == "short" {
				n, status = 50, 404
			}
			client.do("get https://%s%s %d 4", addr, tt.path, n)
			o.want(flow.Outgoing, expect(flow.Outgoing, client.pid, addr, tt.version, tt.path, status, n))
			o.want(flow.Incoming, expect(flow.Incoming, server.pid, addr, tt.version, tt.path, status, n))
			o.balanced()
		})
	}
}

// TestLatency: the time to the first byte is what the client measures, within
// 5 %, and of the server what it takes.
func TestLatency(t *testing.T) {
	w := nettest.New(t)
	cert, key := certificate(t)
	server, client := start(t, w.Far, "app", ""), start(t, w.Near, "app", "")
	addr := server.do("serve %s:0 %s %s", w.Far.V4, cert, key)
	client.do("client h1")
	o := observe(t, w)
	o.uses(server.pid)
	o.uses(client.pid)
	measured, err := strconv.Atoi(client.do("get https://%s/slow/200/10/ 40 1", addr))
	must(t, err)
	o.want(flow.Outgoing, expect(flow.Outgoing, client.pid, addr, "1.1", "/slow/200/10/", 200, 40))
	o.want(flow.Incoming, expect(flow.Incoming, server.pid, addr, "1.1", "/slow/200/10/", 200, 40))
	clients, servers := o.median(flow.Outgoing), o.median(flow.Incoming)
	t.Logf("client measured %v, seen there %v, seen at the server %v", time.Duration(measured), clients, servers)
	tolerance := time.Duration(measured / 20)
	if clients < time.Duration(measured)-tolerance || clients > time.Duration(measured)+tolerance {
		t.Errorf("seen at the client %v, it measured %v", clients, time.Duration(measured))
	}
	if servers < slowness || servers > clients {
		t.Errorf("seen at the server %v, want %v to %v", servers, slowness, clients)
	}
}
