package socketfilter

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/netlog/capture"
	"datakit.dev/agent/netlog/packet"
)

func compile(b *testing.B, text string) *filter.Program {
	b.Helper()
	p, err := filter.Compile(text)
	must(b, err)
	return p
}

// BenchmarkProgram has the time that the kernel takes for one packet: it
// measures itself.
func BenchmarkProgram(b *testing.B) {
	if unix.Getuid() != 0 {
		b.Skip("needs root to load programs")
	}
	_, hundred := many(rand.New(rand.NewPCG(61, 62)), 100)
	for name, text := range map[string]string{
		"no rule holds": "ip_saddr == '10.0.0.9' && dst_port == 443",
		"a rule holds":  "ip_saddr == '10.0.0.1' && dst_port == 80",
		"six rules":     "udp && port == 53; icmp; ip in ('172.16.0.0/12', '192.168.0.0/16'); src_port in (22, 3389); vlan == 100; src_mac == '02:00:00:00:00:09'",
		"100 networks":  hundred,
	} {
		b.Run(name, func(b *testing.B) {
			f, err := New(compile(b, text), Config{Link: packet.LinkEthernet, Snap: snap})
			must(b, err)
			defer f.Close()
			one := datagram(netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("10.0.0.1"))
			data := append(make([]byte, 14), one.data...)
			b.ResetTimer()
			_, took, err := f.program.Benchmark(data, max(b.N, 100000), nil)
			must(b, err)
			b.ReportMetric(float64(took.Nanoseconds()), "kernel-ns/packet")
		})
	}
}

// BenchmarkRing captures what one thread sends as fast as it can, with 90 %
// of the packets on the blacklist. It reports the CPU time of the thread that
// reads the ring and applies the rules, per million packets that were sent;
// the copy into the ring is the sender's, which is in ns/op.
func BenchmarkRing(b *testing.B) {
	const text = "src_port == 9 && dst_port >= 10100" // received: the source is this side
	known := Config{Link: packet.LinkEthernet, Snap: 256}
	for _, kind := range []string{"no blacklist", "in user space", "classic", "ebpf"} {
		b.Run(kind, func(b *testing.B) {
			w := nettest.New(b)
			p := compile(b, text)
			f, keep := &Filter{}, p
			var err error
			switch kind {
			case "no blacklist":
				keep = compile(b, "")
			case "classic":
				f, err = newClassic(p, p.Headers(nil), known)
			case "ebpf":
				f, err = newExtended(p, p.Headers(nil), known)
			}
			must(b, err)
			defer f.Close()
			ring(b, w, f, keep)
		})
	}
}

func ring(b *testing.B, w *nettest.World, f *Filter, rules *filter.Program) {
	near, far := w.Near.Link(b), w.Far.Link(b)
	var r *capture.Ring
	w.Far.In(b, func() (err error) {
		r, err = capture.Open(capture.Config{
			Index: far.Index, Link: packet.LinkEthernet, SnapLen: 256, Filter: f.Capture(),
			Timeout: 10 * time.Millisecond, Wait: 200 * time.Millisecond,
		})
		return err
	})
	defer r.Close()
	all := make([][]byte, 1000) // their source ports are 10000 to 10999
	for i := range all {
		all[i] = nettest.UDPFrame(near.HardwareAddr, net.HardwareAddr{2, 0, 0, 0, 0, 0x99}, uint32(i), 64)
	}
	var blast *nettest.Blaster
	w.Near.In(b, func() (err error) {
		blast, err = nettest.NewBlaster(near.Index, all)
		return err
	})
	defer blast.Close()
	must(b, blast.Bypass())

	var kept, dropped int
	var used time.Duration
	var done atomic.Bool
	var reader sync.WaitGroup
	reader.Go(func() {
		runtime.LockOSThread() // and let the thread end with it
		begin := threadCPU(b)
		defer func() { used = threadCPU(b) - begin }()
		for {
			n, err := r.Next(func(d *packet.Packet) {
				if seen := view(d); rules.Match(&seen) >= 0 {
					dropped++
				} else {
					kept++
				}
			})
			if err != nil {
				b.Error(err)
				return
			}
			if n == 0 && done.Load() {
				return
			}
		}
	})
	b.ResetTimer()
	for n := b.N; n > 0; {
		sent, err := blast.Send(n)
		must(b, err)
		n -= sent
	}
	b.StopTimer()
	done.Store(true)
	reader.Wait()
	b.ReportMetric(used.Seconds()/float64(b.N)*1e6, "reader-CPU-s/Mpkt")
	b.ReportMetric(float64(kept)/float64(b.N), "kept")
	b.ReportMetric(float64(r.Stats().Dropped), "lost")
}

// threadCPU is the time that the calling thread has used.
func threadCPU(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		b.Error(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
