package ebpfnet

import (
	"testing"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/plugins"
)

// TestTableFull: what finds no room is counted, not reported, and the books
// still balance.
func TestTableFull(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	watch := observe(t, w, func(c *plugins.EBPF) { c.MaxConnections = 1 })
	var ends [][2]int
	for range 4 {
		ends = append(ends, [2]int{client.dial(addr), server.accept(listener)})
	}
	for _, e := range ends {
		client.close(e[0])
		server.awaitEnd(e[1])
		server.close(e[1])
	}
	var a ledger.Account
	nettest.Eventually(t, "all have ended", func() bool { a = watch.balanced(); return held(a) == 0 })
	in, dropped := a.In[0].Count, a.Out[1].Count
	if in != 8 || dropped == 0 || in != dropped+a.Out[0].Count {
		t.Errorf("of 8 ends %d were seen, %d reported, %d dropped", in, a.Out[0].Count, dropped)
	}
}

// TestRingFull lets the ring overflow: what does not fit waits in the table
// for the scan, unless its socket is used again.
func TestRingFull(t *testing.T) {
	w, client, server, _, _ := pair(t)
	watch := observe(t, w, nil, func(p *Plugin) { p.ringBytes = 4096 })
	const n = 100
	s := server.do(order{Do: "volume", Addr: w.far.addr(false, 0), N: n, Kind: "client first"})
	c := client.do(order{Do: "volume", ID: 1, Addr: s.Addr, N: n, Kind: "client first"})
	client.do(order{Do: "result", ID: c.ID})
	server.do(order{Do: "result", ID: s.ID})
	a := watch.balanced()
	reported, overwritten := a.Out[0].Count, a.Out[2].Count
	counts, err := watch.p.tracer.counts()
	must(t, err)
	if reported+overwritten != 2*n || counts[tcpStateCounterCOUNT_KEPT] == 0 {
		t.Errorf("of %d ends %d were reported, %d overwritten (%d were kept)", 2*n, reported, overwritten,
			counts[tcpStateCounterCOUNT_KEPT])
	}
	inRing := int64(4096 / (bpf.Header + recordSize))
	if reported <= inRing {
		t.Errorf("only the %d of the ring were reported", reported)
	}
	if n := tableEntries(t, watch); n != 0 {
		t.Errorf("%d records left over", n)
	}
}

// TestMissedEnd puts a record back that has ended: the scan has to find that
// no socket is behind it.
func TestMissedEnd(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	watch := observe(t, w, nil)
	c, port := client.dial(addr), portOf(t, addr)
	s := server.accept(listener)
	client.write(c, 10)
	server.read(s, 10)
	watch.report()
	var stale record
	conns := watch.p.tracer.object.Map("conns")
	must(t, watch.p.tracer.opened(func(r *record) {
		if r.direction() == flow.Outgoing {
			stale = *r
		}
	}))
	client.close(c)
	server.awaitEnd(s)
	server.close(s)
	watch.closed(port, 1)

	stale.Start++ // another connection, as far as the plugin knows
	must(t, conns.Put(stale.Sk, stale.tcpStateConn))
	watch.report()
	counts, err := watch.p.tracer.counts()
	must(t, err)
	if got := watch.sum(outgoing, port); got.closed != 2 || counts[tcpStateCounterCOUNT_REPAIRED] != 1 {
		t.Errorf("%d closed, %d repaired, want 2 and 1", got.closed, counts[tcpStateCounterCOUNT_REPAIRED])
	}
	if n := tableEntries(t, watch); n != 0 {
		t.Errorf("%d records left over", n)
	}
}

// tableEntries counts what is in the kernel's table by asking the kernel.
func tableEntries(t testing.TB, w *watch) (n int) {
	t.Helper()
	var key uint64
	var r record
	it := w.p.tracer.object.Map("conns").Iterate()
	for it.Next(&key, &r.tcpStateConn) {
		n++
	}
	must(t, it.Err())
	return n
}
