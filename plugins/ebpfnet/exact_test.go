package ebpfnet

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"datakit.dev/agent/internal/ledger"
)

// volumePerPattern is how many connections each pattern is tried with:
// EBPFNET_CONNECTIONS, else 10,000 with FULL=1, else a few seconds' worth.
func volumePerPattern(t *testing.T) int {
	t.Helper()
	if text := os.Getenv("EBPFNET_CONNECTIONS"); text != "" {
		n, err := strconv.Atoi(text)
		must(t, err)
		return n
	}
	switch {
	case os.Getenv("FULL") == "1":
		return 10000
	case emulated():
		return 300
	case testing.Short():
		return 200
	default:
		return 1000
	}
}

// emulated tells the guests of test/vm, which are 20 times slower.
func emulated() bool { return os.Getenv("VM") != "" }

// TestExact holds what the plugin reports against what the applications
// counted: connections, bytes written and bytes read, both ends, in every
// way in which a connection can end.
func TestExact(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observe(t, w, nil)
	watch.run()
	n := volumePerPattern(t)
	var all []func(*testing.T)
	listen := 20000 // of each pattern its own, by which its flows are told apart
	for _, v6 := range []bool{false, true} {
		for _, p := range patterns {
			t.Run(fmt.Sprintf("%s/v6=%v", p.name, v6), func(t *testing.T) {
				listen++
				s := server.do(order{Do: "volume", Addr: w.far.addr(v6, listen), N: n, Kind: p.name})
				port := portOf(t, s.Addr)
				c := client.do(order{Do: "volume", ID: 1, Addr: s.Addr, N: n, Kind: p.name})
				clients, servers := client.do(order{Do: "result", ID: c.ID}), server.do(order{Do: "result", ID: s.ID})
				if clients.N != n || servers.N != n {
					t.Fatalf("the test itself made %d and %d of %d connections", clients.N, servers.N, n)
				}
				watch.t = t
				watch.closed(port, n)
				all = append(all, func(t *testing.T) {
					expect(t, watch.sum(outgoing, port), n, client, clients)
					expect(t, watch.sum(incoming, port), n, server, servers)
				})
			})
		}
	}
	watch.t = t
	eventually(t, "all is reported", func() bool { return held(watch.balanced()) == 0 })
	watch.stop()
	for _, check := range all {
		check(t)
	}
	c, err := watch.p.tracer.counts()
	must(t, err)
	t.Logf("%d rechecked, %d repaired", c[tcpStateCounterCOUNT_RECHECKED], c[tcpStateCounterCOUNT_REPAIRED])
	stats, err := watch.p.tracer.object.Stats()
	must(t, err)
	for _, s := range stats[:4] {
		t.Logf("%s skipped %d times, covered by its twin", s.Name, s.Missed)
	}
}

func held(a ledger.Account) (n int64) {
	for _, e := range a.Held {
		n += e.Count
	}
	return n
}

// expect compares one side with what its application counted.
func expect(t *testing.T, got reported, n int, app *app, counted answer) {
	t.Helper()
	if got.established != int64(n) || got.closed != int64(n) {
		t.Errorf("%s %s: %d established, %d closed, want %d", got.direction, got.dst, got.established, got.closed, n)
	}
	if got.written != int64(counted.Written) || got.read != int64(counted.Read) {
		t.Errorf("%s: %d written, %d read, the application counted %d and %d", got.direction,
			got.written, got.read, counted.Written, counted.Read)
	}
	if got.pid != app.pid || got.process == "" {
		t.Errorf("%s: owner %d %q, want %d", got.direction, got.pid, got.process, app.pid)
	}
}
