package tls

import (
	"fmt"
	"maps"
	"testing"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/nettest"
)

// TestNotHTTP: a session that carries something else is left alone, after
// a few segments and from then on.
func TestNotHTTP(t *testing.T) {
	w := nettest.New(t)
	cert, key := certificate(t)
	server, client := start(t, w.Far, "app", ""), start(t, w.Near, "app", "")
	addr := server.do("echo %s:0 %s %s", w.Far.V4, cert, key)
	o := observe(t, w)
	o.uses(server.pid)
	o.uses(client.pid)
	client.do("speak %s 2000", addr)
	account := o.balanced()
	passed, seen := account.Out[0].Count, account.In[0].Count
	if got := o.tracer.Stats().NotHTTP; got != 2 {
		t.Errorf("%d sessions found to be no HTTP, want 2: %+v", got, account)
	}
	// Until the verdict is known some milliseconds pass; reads are not even seen then.
	if passed == 0 || passed > 2000 || seen > 4000 {
		t.Errorf("%d of %d segments were passed on of 8000", passed, seen)
	}
	o.want(flow.Outgoing, nil)
}

// TestLoopback: left out unless it is asked for.
func TestLoopback(t *testing.T) {
	for _, tt := range []struct {
		name  string
		wants bool
	}{{"left out", false}, {"asked for", true}} {
		t.Run(tt.name, func(t *testing.T) {
			w := nettest.New(t)
			cert, key := certificate(t)
			server, client := start(t, w.Far, "app", ""), start(t, w.Far, "app", "")
			addr := server.do("serve 127.0.0.1:0 %s %s", cert, key)
			client.do("client h1")
			o := observe(t, w, func(c *Config) { c.Loopback = tt.wants })
			o.uses(server.pid)
			o.uses(client.pid)
			client.do("get https://%s/a/200/10/ 50 1", addr)
			var want map[result]int
			if tt.wants {
				want = expect(flow.Incoming, server.pid, addr, "1.1", "/a/200/10/", 200, 50)
			}
			o.want(flow.Incoming, want)
			o.want(flow.Outgoing, mirrored(want, client.pid))
			o.balanced()
		})
	}
}

// TestIPv6 and ipv6_disabled.
func TestIPv6(t *testing.T) {
	for _, tt := range []struct {
		name     string
		disabled bool
	}{{"observed", false}, {"disabled", true}} {
		t.Run(tt.name, func(t *testing.T) {
			w := nettest.New(t)
			cert, key := certificate(t)
			server, client := start(t, w.Far, "app", ""), start(t, w.Near, "app", "")
			addr := server.do("serve [%s]:0 %s %s", w.Far.V6, cert, key)
			client.do("client h1")
			o := observe(t, w, func(c *Config) { c.NoIPv6 = tt.disabled })
			o.uses(server.pid)
			o.uses(client.pid)
			client.do("get https://%s/a/200/10/ 50 1", addr)
			var want map[result]int
			if !tt.disabled {
				want = expect(flow.Incoming, server.pid, addr, "1.1", "/a/200/10/", 200, 50)
			}
			o.want(flow.Incoming, want)
			o.want(flow.Outgoing, mirrored(want, client.pid))
		})
	}
}

// TestScope: the same file is used inside and outside of the scope; only what
// is inside is seen.
func TestScope(t *testing.T) {
	w, outside := nettest.New(t), nettest.New(t)
	cert, key := certificate(t)
	o := observe(t, w, func(c *Config) { c.Scope = bpf.Scope{Netns: []uint32{inodeOf(t, w.Far)}} })
	server, client := start(t, w.Far, "app", ""), start(t, w.Near, "app", "")
	other, otherClient := start(t, outside.Far, "app", ""), start(t, outside.Near, "app", "")
	o.uses(server.pid)
	addr, otherAddr := server.do("serve %s:0 %s %s", w.Far.V4, cert, key), other.do("serve %s:0 %s %s", w.Far.V4, cert, key)
	client.do("client h1")
	otherClient.do("client h1")
	otherClient.do("get https://%s/other/200/10/ 50 1", otherAddr)
	client.do("get https://%s/a/200/10/ 50 1", addr)
	o.want(flow.Incoming, expect(flow.Incoming, server.pid, addr, "1.1", "/a/200/10/", 200, 50))
	o.want(flow.Outgoing, nil)
	if account := o.balanced(); account.In[0].Count > 150 { // net/http reads the first byte of a request by itself
		t.Errorf("%+v: what is out of scope left the kernel", account)
	}
}

// TestBodiesStayOut: a download does not go through the ring.
func TestBodiesStayOut(t *testing.T) {
	for _, tt := range []struct{ name, kind, version string }{{"http1", "h1", "1.1"}, {"http2", "h2", "2"}} {
		t.Run(tt.name, func(t *testing.T) {
			const n, size = 10, 5 << 20
			w := nettest.New(t)
			cert, key := certificate(t)
			server, client := start(t, w.Far, "app", ""), start(t, w.Near, "app", "")
			addr := server.do("serve %s:0 %s %s", w.Far.V4, cert, key)
			client.do("client %s", tt.kind)
			o := observe(t, w)
			o.uses(server.pid)
			o.uses(client.pid)
			path := fmt.Sprintf("/a/200/%d/", size)
			client.do("get https://%s%s %d 1", addr, path, n)
			o.want(flow.Incoming, expect(flow.Incoming, server.pid, addr, tt.version, path, 200, n))
			o.want(flow.Outgoing, expect(flow.Outgoing, client.pid, addr, tt.version, path, 200, n))
			o.stop()
			if o.bytes < 2*n*size {
				t.Errorf("%d bytes of plaintext, want all of %d", o.bytes, 2*n*size)
			}
			if o.captured > o.bytes/5 {
				t.Errorf("%d of %d bytes were captured", o.captured, o.bytes)
			}
			t.Logf("%d of %d bytes were captured", o.captured, o.bytes)
		})
	}
}

// TestKilled: processes that are killed leave sessions behind, which make
// room for others.
func TestKilled(t *testing.T) {
	w := nettest.New(t)
	cert, key := certificate(t)
	server := start(t, w.Far, "app", "")
	addr := server.do("serve %s:0 %s %s", w.Far.V4, cert, key)
	const processes, connections, room = 24, 64, 512
	o := observe(t, w, func(c *Config) { c.MaxSessions = room })
	o.uses(server.pid)
	want := map[result]int{}
	for range processes { // 1536 sessions of clients, and as many of the server
		client := start(t, w.Near, "app", "")
		client.do("client h1")
		o.uses(client.pid)
		client.do("get https://%s/a/200/10/ %d %d", addr, connections, connections)
		maps.Copy(want, expect(flow.Outgoing, client.pid, addr, "1.1", "/a/200/10/", 200, connections))
		must(t, client.cmd.Process.Kill())
		client.stop()
	}
	o.want(flow.Outgoing, want)
	for _, e := range o.balanced().Out {
		if e.Name == "dropped" && e.Count != 0 {
			t.Errorf("%s: %d", e.Reason, e.Count)
		}
	}
	// Some of the sessions had to make room, as the books say too.
	sessions, there := o.tally("sessions")
	if there > room || sessions.held != there || sessions.evicted == 0 {
		t.Errorf("%d sessions are open: %+v", there, sessions.account())
	}
	must(t, ledger.Check([]ledger.Account{sessions.account()}))
}

// tally counts a table at once, and what is in its map.
func (o *watch) tally(name string) (*table, int64) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	var n int64
	var key callsSessionKey
	var value callsSession
	for all := o.tracer.object.Map(name).Iterate(); all.Next(&key, &value); {
		n++
	}
	for _, t := range o.tracer.tables {
		if t.name == name {
			before, err := o.tracer.counters()
			must(o.t, err)
			must(o.t, t.take(&before, o.tracer.counters, t.taken))
			return t, n
		}
	}
	o.t.Fatalf("no table %s", name)
	return nil, 0
}
