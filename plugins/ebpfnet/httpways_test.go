package ebpfnet

import (
	"fmt"
	"strings"
	"testing"

	"datakit.dev/agent/plugins"
)

// connection is a TCP connection from near to far.
func connection(t *testing.T, w *world) (client, server *app, c, s int, addr string) {
	t.Helper()
	client, server = w.near.start(t), w.far.start(t)
	l, addr := server.listen(w.far.addr(false, 0))
	c = client.dial(addr)
	s = server.accept(l)
	return client, server, c, s, addr
}

// say sends a text over a connection and has it read at the other end.
func say(from *app, c int, to *app, s int, text string) {
	from.t.Helper()
	from.do(order{Do: "text", ID: c, Addr: text})
	to.read(s, len(text))
}

const (
	askText    = "GET /open HTTP/1.1\r\nHost: h\r\n\r\n"
	answerText = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
)

// TestHTTPOpenBefore: a connection that was there before is taken up at its next
// request, in the middle of a body, too.
func TestHTTPOpenBefore(t *testing.T) {
	w := newWorld(t)
	client, server, c, s, addr := connection(t, w)
	say(client, c, server, s, "POST /before HTTP/1.1\r\nContent-Length: 10\r\n\r\n12345")
	watch := observePackets(t, w, nil, []string{"httpflow"})
	say(client, c, server, s, "67890")
	say(server, s, client, c, answerText)
	for range 10 {
		say(client, c, server, s, askText)
		say(server, s, client, c, answerText)
	}
	client.close(c)
	server.awaitEnd(s)
	server.close(s)
	watch.report()
	for _, direction := range []string{outgoing, incoming} {
		seen, _ := watch.counts(direction, portOf(t, addr))
		compare(t, direction, seen, map[string]int{"GET /open 200": 10})
	}
}

// TestOthersLeave: what is no HTTP leaves after a few packets: nothing of it
// is handed over any more.
func TestOthersLeave(t *testing.T) {
	for name, texts := range map[string][2]string{
		"binary":       {"\x00\x01\x02\x03", "\x04\x05\x06"},
		"TLS":          {"\x16\x03\x01\x02\x00\x01", "\x16\x03\x03\x00\x7a\x02"},
		"capitals":     {"USER me\r\n", "331 password\r\n"},
		"Redis":        {"*1\r\n$4\r\nPING\r\n", "+PONG\r\n"},
		"almost":       {"GETX\r\n", "HTTP is a protocol\r\n"},
		"server first": {"", "SSH-2.0-OpenSSH_9\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			watch := observePackets(t, w, nil, []string{"httpflow"})
			client, server, c, s, _ := connection(t, w)
			exchange := func(n int) {
				for range n {
					if texts[0] != "" {
						say(client, c, server, s, texts[0])
					}
					say(server, s, client, c, texts[1])
				}
			}
			exchange(20)
			watch.report() // marks reach the programs
			exchange(2)
			watch.report()
			before, err := watch.p.apps.tap.Counts()
			must(t, err)
			exchange(50)
			after, err := watch.p.apps.tap.Counts()
			must(t, err)
			if after.Bytes != before.Bytes {
				t.Errorf("%d bytes were still handed over", after.Bytes-before.Bytes)
			}
			if len(watch.rows["httpflow"]) != 0 {
				t.Errorf("%v", watch.rows["httpflow"])
			}
		})
	}
}

// TestWebSocket: the request that upgrades is reported, what follows leaves.
func TestWebSocket(t *testing.T) {
	w := newWorld(t)
	watch := observePackets(t, w, nil, []string{"httpflow"})
	client, server, c, s, addr := connection(t, w)
	say(client, c, server, s, "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	say(server, s, client, c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	frame := "\x82\x7d" + strings.Repeat("GET / HTTP/1.1\r\n", 7)
	for range 20 {
		say(client, c, server, s, frame)
		say(server, s, client, c, frame)
	}
	watch.report()
	say(client, c, server, s, frame)
	say(server, s, client, c, frame)
	before, err := watch.p.apps.tap.Counts()
	must(t, err)
	for range 20 {
		say(client, c, server, s, frame)
	}
	after, err := watch.p.apps.tap.Counts()
	must(t, err)
	if after.Bytes != before.Bytes {
		t.Errorf("%d bytes were still handed over", after.Bytes-before.Bytes)
	}
	client.close(c)
	server.close(s)
	watch.report()
	for _, direction := range []string{outgoing, incoming} {
		seen, _ := watch.counts(direction, portOf(t, addr))
		compare(t, direction, seen, map[string]int{"GET /chat 101": 1})
	}
}

// TestHTTPBytes: heads and bodies are counted as they are on the wire, whatever
// of them is captured.
func TestHTTPBytes(t *testing.T) {
	w := newWorld(t)
	watch := observePackets(t, w, nil, []string{"httpflow"})
	client, server, c, s, _ := connection(t, w)
	const up, down = 300000, 500000
	upload := fmt.Sprintf("POST /up HTTP/1.1\r\nContent-Length: %d\r\n\r\n", up)
	download := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", down)
	for range 3 {
		done := make(chan answer, 1)
		go func() { done <- server.try(order{Do: "read", ID: s, N: len(upload) + up}) }()
		client.do(order{Do: "text", ID: c, Addr: upload, N: up})
		<-done
		go func() { done <- client.try(order{Do: "read", ID: c, N: len(download) + down}) }()
		server.do(order{Do: "text", ID: s, Addr: download, N: down})
		<-done
	}
	client.close(c)
	server.close(s)
	watch.report()
	if len(watch.rows["httpflow"]) != 2 {
		t.Fatalf("%v", watch.rows["httpflow"])
	}
	for _, r := range watch.rows["httpflow"] {
		written, read := 3*(len(upload)+up), 3*(len(download)+down)
		if r["direction"] == incoming {
			written, read = read, written
		}
		if r.int("bytes_written") != written || r.int("bytes_read") != read {
			t.Errorf("%v\nwant %d written, %d read", r, written, read)
		}
	}
	watch.nothingLost()
}

// TestPacketRingFull: what finds no room is counted, the books balance, and what
// comes later is understood again.
func TestPacketRingFull(t *testing.T) {
	w := newWorld(t)
	watch := observePackets(t, w, nil, []string{"httpflow"}, func(p *Plugin) { p.apps.cfg.RingBytes = 64 << 10 })
	client, server := w.near.start(t), w.far.start(t)
	s := server.do(order{Do: "http serve", Addr: w.far.addr(false, 0)})
	watch.still(func(*applications) { // the reader is late
		client.do(order{Do: "http fetch", Addr: s.Addr + " /a", N: 500, ID: 4})
	})
	watch.report()
	c, err := watch.p.apps.tap.Counts()
	must(t, err)
	if c.Lost == 0 {
		t.Fatal("nothing was lost: no test")
	}
	watch.nothingLost("ring_full", "lost_packets", "http_gaps", "http_responses_without_request", "http_heads_cut", "http_unparsed", "http_chunks_lost")
	server.do(order{Do: "http log", ID: s.ID})
	watch.forget()
	client.do(order{Do: "http fetch", Addr: s.Addr + " /b", N: 10, ID: 1, Kind: "short"})
	log := server.do(order{Do: "http log", ID: s.ID}).Log
	watch.report()
	for _, direction := range []string{outgoing, incoming} {
		seen, _ := watch.counts(direction, portOf(t, s.Addr))
		for k := range seen {
			if !strings.Contains(k, "/b") {
				delete(seen, k)
			}
		}
		compare(t, direction, seen, log)
	}
}

// TestHTTPScope: one of the two namespaces is observed, and none over
// loopback unless that is asked for.
func TestHTTPScope(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	s := server.do(order{Do: "http serve", Addr: w.far.addr(false, 0)})
	lo := server.do(order{Do: "http serve", Addr: "127.0.0.1:0"})
	for _, include := range []bool{false, true} {
		t.Run(fmt.Sprintf("loopback %v", include), func(t *testing.T) {
			watch := observePackets(t, w, nil, []string{"httpflow"}, func(c *plugins.EBPF) {
				c.ScopeNetns, c.IncludeLoopback = []string{w.far.inode(t)}, include
			})
			client.do(order{Do: "http fetch", Addr: s.Addr + " /a", N: 7, ID: 1})
			server.do(order{Do: "http fetch", Addr: lo.Addr + " /lo", N: 7, ID: 1})
			watch.report()
			if seen, _ := watch.counts(outgoing, portOf(t, s.Addr)); len(seen) != 0 {
				t.Errorf("out of scope and reported: %v", seen)
			}
			if seen, _ := watch.counts(incoming, portOf(t, s.Addr)); tallyOf(seen) != 7 {
				t.Errorf("in scope: %v", seen)
			}
			want := 0
			if include {
				want = 7
			}
			for _, direction := range []string{outgoing, incoming} {
				if seen, _ := watch.counts(direction, portOf(t, lo.Addr)); tallyOf(seen) != want {
					t.Errorf("loopback, %s: %v, want %d", direction, seen, want)
				}
			}
		})
	}
}
