package capture

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/netlog/nettest"
	"datakit.dev/agent/netlog/packet"
)

// BenchmarkRing sends small frames as fast as one thread can and decodes them
// at the other end: CPU time of the reading thread alone, and what was lost.
func BenchmarkRing(b *testing.B) {
	w := nettest.New(b)
	r := open(b, w.Far, Config{Timeout: 10 * time.Millisecond, SnapLen: 256, Wait: 200 * time.Millisecond})
	blast := blaster(b, w, 1000, 64)
	var cpu time.Duration
	var seen int64
	var done atomic.Bool
	var reader sync.WaitGroup
	reader.Go(func() {
		begin := threadCPU(b)
		for {
			n, err := r.Next(func(p *packet.Packet) {
				if p.DstPort == 9 {
					seen++
				}
			})
			if err != nil {
				b.Error(err)
				return
			}
			if n == 0 && done.Load() {
				break
			}
		}
		cpu = threadCPU(b) - begin
	})
	b.ResetTimer()
	sendAll(b, blast, b.N)
	elapsed := b.Elapsed()
	done.Store(true)
	reader.Wait()
	s := r.Stats()
	b.ReportMetric(float64(b.N)/elapsed.Seconds()/1e6, "Mpps")
	b.ReportMetric(cpu.Seconds()/float64(seen)*1e6, "CPU-s/Mpkt")
	b.ReportMetric(float64(s.Dropped), "drops")
	if lost := int64(b.N) - seen; lost > s.Dropped {
		b.Errorf("%d sent, %d seen, %d dropped", b.N, seen, s.Dropped)
	}
}

func threadCPU(b *testing.B) time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &usage); err != nil {
		b.Error(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
