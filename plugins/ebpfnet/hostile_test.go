package ebpfnet

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"datakit.dev/agent/internal/nettest"
)

// TestHostile: whatever connections carry, memory stays bounded, nothing
// stops, and what is HTTP beside it is counted exactly.
func TestHostile(t *testing.T) {
	w := newWorld(t)
	watch := observePackets(t, w, nil, []string{"httpflow"}, dns)
	client, server := w.near.start(t), w.far.start(t)
	l, addr := server.listen(w.far.addr(false, 0))
	rounds := 40
	if emulated() {
		rounds = 5
	}
	random := rand.New(rand.NewPCG(1, 2))
	noise := func() string {
		b := make([]byte, 2000)
		for i := range b {
			b[i] = byte(random.UintN(256))
		}
		return string(b)
	}
	var before runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range rounds {
		for _, text := range []string{
			noise(), "GET /" + noise(), "POST /x HTTP/1.1\r\n" + noise(), "HTTP/1.1 200 OK\r\n" + noise(),
			"GET /" + strings.Repeat("a", 30000), "GET / HTTP/1.1\r\n" + strings.Repeat("X: y\r\n", 5000),
			"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + noise(), "\x00\x00\xff\x01\x05\x00\x00\x00\x01" + noise(),
			"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n" + noise(),
		} {
			c := client.dial(addr)
			s := server.accept(l)
			client.do(order{Do: "text", ID: c, Addr: strings.ToValidUTF8(text, "\x7f"), N: 50000})
			server.do(order{Do: "text", ID: s, Addr: strings.ToValidUTF8(noise(), "\x7f")})
			client.close(c)
			server.close(s)
		}
	}
	watch.report()
	var after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("the heap has grown by %d MiB", grown>>20)
	}
	watch.forget()
	s := server.do(order{Do: "http serve", Addr: w.far.addr(false, 0)})
	client.do(order{Do: "http fetch", Addr: s.Addr + " /a", N: 100, ID: 4})
	log := server.do(order{Do: "http log", ID: s.ID}).Log
	watch.compare(s.Addr, log)
}

// TestHTTPPrefork: a child that inherited the listener serves; it is the owner,
// whoever accepts with or without an address.
func TestHTTPPrefork(t *testing.T) {
	nettest.Need(t, "/usr/bin/python3")
	w := newWorld(t)
	client := w.near.start(t)
	cmd := w.far.Daemon(t, "/usr/bin/python3", "-c", `
import os, socket, sys
l = socket.socket(); l.bind((sys.argv[1], 8083)); l.listen(16)
if os.fork() == 0:
    while True:
        c, _ = l.accept()
        while c.recv(4096):
            c.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(str(os.getpid())), str(os.getpid()).encode()))
        c.close()
os.wait()
`, w.far.V4)
	w.far.Listens(t, w.far.addr(false, 8083))
	watch := observePackets(t, w, nil, []string{"httpflow"})
	client.do(order{Do: "http pipeline", Addr: w.far.addr(false, 8083) + " /", N: 20, ID: 1})
	watch.report()
	_, pids := watch.counts(incoming, 8083)
	parent := fmt.Sprint(cmd.Process.Pid)
	if len(pids) != 1 || tallyOf(pids) != 20 {
		t.Errorf("owners %v, want one", pids)
	}
	for who := range pids {
		if strings.HasPrefix(who, parent+" ") || strings.HasPrefix(who, " ") || !strings.HasSuffix(who, " python3") {
			t.Errorf("owner %q; the parent is %s", who, parent)
		}
	}
}
