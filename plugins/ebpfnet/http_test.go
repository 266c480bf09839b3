package ebpfnet

import (
	"fmt"
	"testing"
)

// TestHTTP: a Go server and a Go client in two namespaces, in each way to use
// a connection. Both sides count exactly what server and client count.
func TestHTTP(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observePackets(t, w, nil, []string{"httpflow"})
	n := 5000
	if emulated() {
		n = 200
	}
	for _, v6 := range []bool{false, true} {
		s := server.do(order{Do: "http serve", Addr: w.far.addr(v6, 0)})
		port := portOf(t, s.Addr)
		for _, tt := range []struct {
			name, do, kind string
			workers        int
			paths          string
		}{
			{"keep-alive", "http fetch", "", 8, " /a /b?c=d /status/404 /status/204 /status/304 /bytes/100000 /chunks/3"},
			{"short", "http fetch", "short", 8, " /a /status/500 /bytes/3000"},
			{"h2c", "http fetch", "h2c", 8, " /a /b?c=d /status/404 /bytes/3000"},
			{"pipelined", "http pipeline", "", 10, " /p"},
			{"pipelined in packets", "http pipeline", "one by one", 10, " /p"},
		} {
			t.Run(fmt.Sprintf("%s v6=%v", tt.name, v6), func(t *testing.T) {
				watch.forget()
				got := client.do(order{Do: tt.do, Addr: s.Addr + tt.paths, N: n, ID: tt.workers, Kind: tt.kind})
				log := server.do(order{Do: "http log", ID: s.ID}).Log
				compare(t, "client and server", got.Log, log)
				watch.report()
				for _, direction := range []string{outgoing, incoming} {
					seen, pids := watch.counts(direction, port)
					compare(t, direction, seen, log)
					who := client.pid
					if direction == incoming {
						who = server.pid
					}
					compare(t, direction+" owners", pids, map[string]int{owner(t, who): n})
				}
				watch.nothingLost()
			})
		}
	}
}
