package filter

import (
	"math/rand/v2"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// traffic is what a busy server sees: many clients, a few services.
func traffic() []Packet {
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]Packet, 256)
	for i := range all {
		p := &all[i]
		p.NIC, p.Netns = "eth0", "NS(0:4026531840)"
		p.Set(Proto, 6)
		p.SetAddrs(netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(8))}), netip.AddrFrom4([4]byte{192, 0, 2, byte(r.IntN(250))}))
		p.SetPorts(uint16(32768+r.IntN(28000)), [4]uint16{443, 443, 80, 5432}[r.IntN(4)])
		p.SetMACs([6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, byte(r.IntN(3))})
	}
	return all
}

// cpuTime starts a benchmark; what it returns ends it and reports the CPU
// time, which a busy machine does not add to.
func cpuTime(b *testing.B) (end func()) {
	used := func() time.Duration {
		var u syscall.Rusage
		const thread = 1 // RUSAGE_THREAD
		if err := syscall.Getrusage(thread, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	b.ReportAllocs()
	runtime.LockOSThread()
	b.ResetTimer()
	begin := used()
	return func() {
		b.ReportMetric(float64(used()-begin)/float64(b.N), "cpu-ns/op")
		runtime.UnlockOSThread()
	}
}

// BenchmarkMatch has the time of one packet. The first packet of the vectors
// alone, and traffic, in which branches are mispredicted.
func BenchmarkMatch(b *testing.B) {
	for _, bench := range []struct{ name, rule string }{
		{"two clauses", "ip_saddr == '10.0.0.1' && dst_port == 443"},
		{"network and set", "ip in ['10.0.0.0/30', '192.0.2.128/25'] && port in (80, 5432)"},
		{"seed", seedRules},
		{"pod", "has_prefix(k8s_src_pod, 'datakit-')"},
	} {
		p, err := Compile(bench.rule)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(bench.name+"/one", func(b *testing.B) {
			packet := sample()
			defer cpuTime(b)()
			for range b.N {
				p.Match(packet)
			}
		})
		b.Run(bench.name+"/traffic", func(b *testing.B) {
			packets := traffic()
			defer cpuTime(b)()
			for i := range b.N {
				p.Match(&packets[i%len(packets)])
			}
		})
	}
}

// BenchmarkFill has the time of making a Packet of decoded headers.
func BenchmarkFill(b *testing.B) {
	src, dst := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.1")
	var p Packet
	defer cpuTime(b)()
	for i := range b.N {
		p.SetAddrs(src, dst)
		p.SetPorts(uint16(i), 443)
		p.Set(Proto, 6)
	}
}
