package ebpfnet

import (
	"slices"
	"testing"

	"datakit.dev/agent/plugins"
)

// BenchmarkAdded is what the plugin adds to a connection, both ends: CPU time
// of connections made as fast as one thread can, with nothing attached and
// with everything, in turn; the median of the differences. No clock is read
// by the programs' statistics, so nothing is counted but the programs and the
// kernel's way into them.
func BenchmarkAdded(b *testing.B) {
	const turns, perTurn = 15, 4000
	w := newWorld(b)
	app := w.near.start(b)
	w.near.Sysctl(b, "net/ipv4/ip_local_port_range", "1024 65535")
	cpu := func() int64 { return int64(app.do(order{Do: "storm", N: perTurn}).N) / perTurn }
	cpu()
	var bare, added []int64
	for b.Loop() {
		for range turns {
			without := cpu()
			watch := observe(b, w, func(c *plugins.EBPF) { c.IncludeLoopback = true }, func(p *Plugin) { p.ringBytes = 8 << 20 })
			cpu() // fills the caches again after loading
			watch.report()
			with := cpu()
			watch.report()
			watch.balanced()
			if err := watch.p.Close(); err != nil {
				b.Fatal(err)
			}
			bare, added = append(bare, without), append(added, with-without)
		}
	}
	b.ReportMetric(float64(median(bare)), "bare-ns/conn")
	b.ReportMetric(float64(median(added)), "added-ns/conn")
}

func median(of []int64) int64 {
	slices.Sort(of)
	return of[len(of)/2]
}
