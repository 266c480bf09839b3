package ebpfnet

import (
	"fmt"
	"testing"
)

// TestBegin: a connection of HTTP is known as such, and its first request is
// counted, however it begins.
func TestBegin(t *testing.T) {
	const (
		ask      = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
		response = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
		proxy1   = "PROXY TCP4 192.0.2.1 192.0.2.2 4000 80\r\n"
		proxy2   = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x03\x68\x00\x50"
	)
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observePackets(t, w, nil, []string{"httpflow"})
	l, addr := server.listen(w.far.addr(false, 0))
	for _, tt := range []struct {
		name   string
		pieces []string
	}{
		{"at once", []string{ask}},
		{"byte by byte", bytewise(ask)},
		{"a version 1 balancer", []string{proxy1 + ask}},
		{"a version 1 balancer, apart", []string{proxy1, ask}},
		{"a balancer that does not know", []string{"PROXY UNKNOWN\r\n", ask}},
		{"a version 2 balancer", []string{proxy2 + ask}},
		{"a version 2 balancer, apart", []string{proxy2, ask}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			watch.forget()
			c := client.dial(addr)
			s := server.accept(l)
			for _, piece := range tt.pieces {
				client.do(order{Do: "text", ID: c, Addr: piece})
				server.read(s, len(piece))
			}
			server.do(order{Do: "text", ID: s, Addr: response})
			client.read(c, len(response))
			client.do(order{Do: "text", ID: c, Addr: ask})
			server.read(s, len(ask))
			server.do(order{Do: "text", ID: s, Addr: response})
			client.read(c, len(response))
			client.close(c)
			server.close(s)
			watch.report()
			for _, direction := range []string{outgoing, incoming} {
				seen, _ := watch.counts(direction, portOf(t, addr))
				compare(t, direction, seen, map[string]int{"GET /a 200": 2})
			}
			for _, r := range watch.rows["httpflow"] {
				if got, want := fmt.Sprint(r["bytes_read"], r["bytes_written"]), 2*(len(ask)+len(response)); r.int("bytes_read")+r.int("bytes_written") != want {
					t.Errorf("%s: bytes %s, want %d in all", r["direction"], got, want)
				}
			}
			watch.nothingLost()
		})
	}
}

// TestDeferred: with deferred accept the first request comes to the listener,
// before there is a socket for it.
func TestDeferred(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observePackets(t, w, nil, []string{"httpflow"})
	s := server.do(order{Do: "http serve", Kind: "deferred", Addr: w.far.addr(false, 0)})
	for _, kind := range []string{"", "short", "h2c"} {
		t.Run(kind, func(t *testing.T) {
			watch.forget()
			client.do(order{Do: "http fetch", Addr: s.Addr + " /a /status/404", N: 50, ID: 4, Kind: kind})
			watch.compare(s.Addr, server.do(order{Do: "http log", ID: s.ID}).Log)
		})
	}
}

// TestFirstAtOnce: the first packets of a listener come on several CPUs at the
// same time, of which one only makes its state.
func TestFirstAtOnce(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observePackets(t, w, nil, []string{"httpflow"})
	listeners := 200
	if emulated() {
		listeners = 20
	}
	for range listeners {
		watch.forget()
		s := server.do(order{Do: "http serve", Kind: "deferred", Addr: w.far.addr(false, 0)})
		client.do(order{Do: "http fetch", Addr: s.Addr + " /a", N: 4, ID: 4, Kind: "short"})
		watch.compare(s.Addr, server.do(order{Do: "http log", ID: s.ID}).Log)
		server.close(s.ID)
	}
}

func bytewise(text string) (pieces []string) {
	for i := range len(text) {
		pieces = append(pieces, text[i:i+1])
	}
	return pieces
}
