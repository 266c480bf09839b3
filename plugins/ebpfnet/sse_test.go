package ebpfnet

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/plugins"
)

// TestEvents: a stream of server-sent events is one request, however long it
// lasts. It is reported when it ends, by either side, with all its bytes; until
// then the connection's bytes are those of netflow.
func TestEvents(t *testing.T) {
	n := 2000
	switch {
	case proving:
		n = 50000
	case emulated():
		n = 100
	}
	for _, tt := range []struct {
		name  string
		needs string
		serve func(testing.TB, *host) string
		kind  string
	}{
		{"Go", "", goEvents, ""},
		{"Go, HTTP/2", "", goEvents, "h2c"},
		{"Node.js", "node", nodeEvents, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.needs != "" {
				nettest.Need(t, tt.needs)
			}
			w := newWorld(t)
			addr := tt.serve(t, w.far)
			client := w.near.start(t)
			watch := observePackets(t, w, []string{"tcp"}, []string{"httpflow"}, func(c *plugins.EBPF) { c.MaxConnections = 1024 })
			path := "/events/" + strconv.Itoa(n)

			s := client.do(order{Do: "subscribe", Addr: "http://" + addr + path, Kind: tt.kind}).ID
			ended := client.do(order{Do: "events", ID: s})
			if ended.N != n {
				t.Fatalf("the client got %d events of %d", ended.N, n)
			}
			client.close(s)
			watch.streams(addr, tt.kind, path, ended)

			watch.forget()
			s = client.do(order{Do: "subscribe", Addr: "http://" + addr + path + "/hold", Kind: tt.kind}).ID
			held := client.do(order{Do: "events", ID: s, N: n})
			watch.report()
			if rows := watch.rows["httpflow"]; len(rows) != 0 {
				t.Errorf("the stream goes on, and is reported: %v", rows)
			}
			watch.still(func(a *applications) {
				if got := a.exchanges.Decoded().Open; got != 2 {
					t.Errorf("%d requests are open, want the one on both sides", got)
				}
			})
			if got := watch.carried(addr); got < int(held.Read) {
				t.Errorf("netflow has %d bytes of the stream so far, the client got %d", got, held.Read)
			}
			client.close(s)
			watch.streams(addr, tt.kind, path+"/hold", held)
			watch.nothingLost("http_chunks_lost")
		})
	}
}

// streams waits for the one request, and compares its bytes with what the
// client's socket carried.
func (p *packetWatch) streams(addr, kind, path string, carried answer) {
	p.t.Helper()
	nettest.Eventually(p.t, "the stream has ended", func() bool {
		p.report()
		return len(p.rows["httpflow"]) >= 2
	})
	p.compare(addr, map[string]int{"GET " + path + " 200": 1})
	for _, r := range p.rows["httpflow"] {
		read, written := r.int("bytes_read"), r.int("bytes_written")
		if r["direction"] == incoming {
			read, written = written, read
		}
		exact := read == int(carried.Read) && written == int(carried.Written)
		// Of HTTP/2 the frames of the connection as such belong to no request.
		near := read <= int(carried.Read) && read > int(carried.Read)*98/100
		if !exact && !(kind == "h2c" && near) {
			p.t.Errorf("%s: %d bytes read, %d written; the client's socket: %d, %d", r["direction"], read, written, carried.Read, carried.Written)
		}
	}
}

// carried is what netflow says the server wrote.
func (p *packetWatch) carried(addr string) (n int) {
	for _, r := range p.rows["netflow"] {
		if r["direction"] == incoming && r["src_port"] == strconv.Itoa(portOf(p.t, addr)) {
			n += r.int("bytes_written")
		}
	}
	return n
}

func goEvents(t testing.TB, h *host) string {
	return h.start(t).do(order{Do: "http serve", Addr: h.addr(false, 0)}).Addr
}

// nodeEvents writes as many events as it likes in one go: they share packets.
func nodeEvents(t testing.TB, h *host) string {
	t.Helper()
	addr := h.addr(false, 8083)
	script := filepath.Join(t.TempDir(), "events.js")
	must(t, os.WriteFile(script, []byte(`
const [host, port] = process.argv.slice(2);
require("http").createServer((q, r) => {
  const [, , n, hold] = q.url.split("/");
  r.writeHead(200, {"Content-Type": "text/event-stream"});
  let i = 0;
  const send = () => {
    for (let k = 0; k < 1 + i % 5 && i < n; k++, i++)
      r.write("id: " + i + "\nevent: tick\ndata: " + "x".repeat(i * 37 % 700) + "\n\n");
    if (i < n) setImmediate(send);
    else if (!hold) r.end();
  };
  send();
}).listen(+port, host);
`), 0o644))
	h.Daemon(t, "node", script, h.V4, "8083")
	h.Listens(t, addr)
	return addr
}
