package ebpfnet

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"datakit.dev/agent/internal/nettest"
)

// TestHalfClosed: the end that closes first is a time-wait socket when the
// other one closes, so that no program sees that. What was said is reported at
// once and forgotten all the same, at both ends.
func TestHalfClosed(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observePackets(t, w, nil, []string{"httpflow"}, dns)
	l, addr := server.listen(w.far.addr(false, 0))
	const (
		ask     = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
		endless = "HTTP/1.1 200 OK\r\n\r\nuntil the end"
		counted = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nuntil the end"
	)
	for _, tt := range []struct {
		name, response string
		first          *app
	}{
		{"the server, and that is the end of its response", endless, server},
		{"the server", counted, server},
		{"the client", counted, client},
	} {
		t.Run(tt.name, func(t *testing.T) {
			watch.forget()
			c := client.dial(addr)
			s := server.accept(l)
			client.do(order{Do: "text", ID: c, Addr: ask})
			server.read(s, len(ask))
			server.do(order{Do: "text", ID: s, Addr: tt.response})
			client.read(c, len(tt.response))
			if tt.first == server {
				server.close(s)
			} else {
				client.close(c)
			}
			nettest.Eventually(t, "the end that closed is in FIN-WAIT-2", func() bool { return finWait2(t, tt.first.pid) })
			if tt.first == server {
				client.awaitEnd(c)
				client.close(c)
			} else {
				server.awaitEnd(s)
				server.close(s)
			}
			watch.report()
			for _, direction := range []string{outgoing, incoming} {
				seen, _ := watch.counts(direction, portOf(t, addr))
				compare(t, direction, seen, map[string]int{"GET /a 200": 1})
			}
			for _, r := range watch.rows["httpflow"] {
				sum := r.int("bytes_read") + r.int("bytes_written")
				if want := len(ask) + len(tt.response); sum != want {
					t.Errorf("%s: %d bytes, want %d", r["direction"], sum, want)
				}
			}
			watch.still(func(a *applications) {
				if open := a.exchanges.Stats().Open; open != 0 {
					t.Errorf("%d ends are still followed", open)
				}
			})
			watch.nothingLost()
		})
	}
}

// finWait2 says whether a socket of IPv4 in the namespace of a process is in
// that state (include/net/tcp_states.h).
func finWait2(t testing.TB, pid int) bool {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	must(t, err)
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 3 && f[3] == "05" {
			return true
		}
	}
	return false
}
