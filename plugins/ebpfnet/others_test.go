package ebpfnet

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
	"time"
)

// BenchmarkOthers is what a process that does no HTTP pays for sending or
// receiving, with everything on that is on by default: a byte there and back
// over TCP and UDP, 64 KiB over TCP, and a byte over a unix socket, which no
// program sees and which so shows the noise. The process has two pairs of
// sockets, one in the cgroup that the programs are attached to, one beside it,
// and uses them in turn for slices of time: added-ns is the median of the
// differences, with the interval that holds it with a certainty of 95 %,
// control-ns the same before anything was attached. What the kernel does for
// a machine on which any cgroup has such programs, a branch and a look at the
// socket's cgroup, is in both.
func BenchmarkOthers(b *testing.B) {
	pairs, slice := 40, 10*time.Millisecond
	if proving {
		pairs, slice = 200, 50*time.Millisecond
	}
	for _, kind := range []string{"tcp", "udp", "bulk", "unix"} {
		b.Run(kind, func(b *testing.B) {
			w := newWorld(b)
			client := w.near.start(b)
			seen, bare := cell(b), cell(b)
			b.Cleanup(client.stop)
			p := &bystander{b: b, app: client, slice: slice}
			for i, dir := range []string{bare, seen} {
				must(b, os.WriteFile(dir+"/cgroup.procs", []byte(fmt.Sprint(client.pid)), 0))
				p.pairs[i] = client.do(order{Do: "traffic", Addr: w.near.V4, Kind: kind}).ID
			}
			for b.Loop() {
				_, control := p.compare(pairs / 4)
				watch := observePackets(b, w, []string{"tcp", "udp"}, []string{"httpflow"}, dns, within(seen))
				p.run(1)
				alone, added := p.compare(pairs)
				low, mid, high := medianWithin(added)
				empty := emptyProgram(b)
				cost := measurePackets(b, watch)
				r := p.run(1)
				price := cost.price(int(r.operations), empty())
				watch.close()
				_, c, _ := medianWithin(control)
				b.ReportMetric(middle(alone), "bare-ns/op")
				b.ReportMetric(c, "control-ns/op")
				b.ReportMetric(mid, "added-ns/op")
				b.ReportMetric(low, "added-ns-low")
				b.ReportMetric(high, "added-ns-high")
				b.ReportMetric(price.runs, "bpf-runs/op")
				b.ReportMetric(price.own, "bpf-own-ns/op")
			}
		})
	}
}

// bystander is the process.
type bystander struct {
	b     *testing.B
	app   *app
	slice time.Duration
	pairs [2]int // of sockets: not observed, observed
}

// sliced is what it did in a slice of time.
type sliced struct{ operations, cpu float64 }

func (s sliced) per() float64 { return s.cpu / s.operations }

func (p *bystander) run(pair int) sliced {
	p.b.Helper()
	r := p.app.do(order{Do: "traffic slice", ID: p.pairs[pair], N: int(p.slice.Microseconds())})
	return sliced{float64(r.Written), float64(r.N)}
}

// compare uses both pairs n times, with the order swapped each time; ns per
// operation of the one that is not observed, and what the other takes more.
func (p *bystander) compare(n int) (bare, added []float64) {
	p.b.Helper()
	for i := range n {
		first := i % 2
		var took [2]float64
		took[first] = p.run(first).per()
		took[1-first] = p.run(1 - first).per()
		bare, added = append(bare, took[0]), append(added, took[1]-took[0])
	}
	return bare, added
}

// medianWithin returns the median and its confidence interval of 95 %, by
// ranks: whatever the distribution, half of the values lie below it.
func medianWithin(all []float64) (low, mid, high float64) {
	all = slices.Sorted(slices.Values(all))
	reach := int(math.Ceil(0.98 * math.Sqrt(float64(len(all)))))
	mid = all[len(all)/2]
	return all[max(len(all)/2-reach, 0)], mid, all[min(len(all)/2+reach, len(all)-1)]
}
