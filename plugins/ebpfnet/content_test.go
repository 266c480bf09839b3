package ebpfnet

import (
	"fmt"
	"strings"
	"testing"
)

// sized is a request of exactly n bytes, and its path.
func sized(n int) (text, path string) {
	const before, after = "GET ", " HTTP/1.1\r\nHost: h\r\n\r\n"
	path = "/" + strings.Repeat("p", n-len(before)-len(after)-1)
	return before + path + after, path
}

// TestContent: what a response holds says nothing of the connection, whatever
// it looks like. The requests after it are read whole, each length twice, on
// both sides of all sizes that records have.
func TestContent(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observePackets(t, w, nil, []string{"httpflow"})
	l, addr := server.listen(w.far.addr(false, 0))
	for name, body := range map[string]string{
		"text":       "hello",
		"a request":  "GET /b HTTP/1.1\r\nHost: h\r\n\r\n",
		"a response": "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
		"an upgrade": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + strings.Repeat("x", 300),
		"a balancer": "PROXY TCP4 192.0.2.1 192.0.2.2 4000 80\r\n",
		"a preface":  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			watch.forget()
			c := client.dial(addr)
			s := server.accept(l)
			head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", len(body))
			want := map[string]int{}
			for _, n := range []int{60, 128, 129, 256, 257, 700, 1024, 1025} {
				ask, path := sized(n)
				want["GET "+path+" 200"] = 2
				for range 2 {
					client.do(order{Do: "text", ID: c, Addr: ask})
					server.read(s, len(ask))
					server.do(order{Do: "text", ID: s, Addr: head})
					client.read(c, len(head))
					server.do(order{Do: "text", ID: s, Addr: body})
					client.read(c, len(body))
				}
			}
			client.close(c)
			server.close(s)
			watch.report()
			for _, direction := range []string{outgoing, incoming} {
				seen, _ := watch.counts(direction, portOf(t, addr))
				compare(t, direction, seen, want)
			}
			watch.nothingLost("http_heads_cut") // of the one that is longer than any record of a request
		})
	}
}
