package capture

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/netlog/nettest"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/pcap"
)

// BenchmarkRing sends small frames as fast as one thread can and decodes them
// at the other end, in batches of one second at most. It reports the CPU time
// of the reading thread per packet, the rate, and what was lost, which has to
// be exactly what is missing.
func BenchmarkRing(b *testing.B) {
	for _, bm := range []struct {
		name    string
		foreign bool
	}{{"delivered to the host", false}, {"addressed to another host", true}} {
		b.Run(bm.name, func(b *testing.B) { benchmarkRing(b, bm.foreign) })
	}
}

func benchmarkRing(b *testing.B, foreign bool) {
	w := nettest.New(b)
	r := open(b, w.Far, Config{Timeout: 10 * time.Millisecond, SnapLen: 256, Wait: 200 * time.Millisecond, Filter: Filter{Classic: discard(b)}})
	near, far := w.Near.Link(b), w.Far.Link(b)
	to := far.HardwareAddr
	if foreign {
		to = net.HardwareAddr{2, 0, 0, 0, 0, 0x99} // dropped behind the packet sockets
	}
	frames := make([][]byte, 1000)
	for i := range frames {
		frames[i] = nettest.UDPFrame(near.HardwareAddr, to, uint32(i), 64)
	}
	var blast *nettest.Blaster
	w.Near.In(b, func() (err error) {
		blast, err = nettest.NewBlaster(near.Index, frames)
		return err
	})
	defer blast.Close()
	must(b, blast.Bypass())
	var cpu time.Duration
	var seen int64
	var done atomic.Bool
	var reader sync.WaitGroup
	reader.Go(func() {
		runtime.LockOSThread() // and let the thread end with it
		begin := threadCPU(b)
		for {
			n, err := r.Next(func(*packet.Packet) { seen++ })
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
	b.ReportMetric(float64(b.N)/elapsed.Seconds()/1e6, "Mpkt/s")
	b.ReportMetric(cpu.Seconds()/float64(max(seen, 1))*1e6, "CPU-s/Mpkt")
	b.ReportMetric(float64(s.Dropped), "drops")
	if seen+s.Dropped != int64(b.N) || s.Received != int64(b.N) {
		b.Errorf("%d sent, %d seen, %+v", b.N, seen, s)
	}
}

func threadCPU(b testing.TB) time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &usage); err != nil {
		b.Error(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkFile reads and decodes a capture file of small segments; one
// operation is one packet.
func BenchmarkFile(b *testing.B) {
	const packets = 20000
	var file bytes.Buffer
	w, err := pcap.NewWriter(&file, "")
	must(b, err)
	_, err = w.AddInterface(pcap.Interface{Link: packet.LinkEthernet})
	must(b, err)
	mac := make(net.HardwareAddr, 6)
	for i := range packets {
		must(b, w.Write(&pcap.Record{Time: int64(i), Dir: packet.Rx, Data: nettest.TCPFrame(mac, mac, uint16(20000+i%100), uint32(i), 64)}))
	}
	must(b, w.Flush())
	b.SetBytes(int64(file.Len() / packets))
	b.ReportAllocs()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin := threadCPU(b)
	for n := 0; n < b.N; {
		r, err := pcap.NewReader(bytes.NewReader(file.Bytes()))
		must(b, err)
		f := NewFile(r)
		for n < b.N {
			k, err := f.Next(func(*packet.Packet) {})
			n += k
			if errors.Is(err, io.EOF) {
				break
			}
			must(b, err)
		}
	}
	b.ReportMetric(float64(b.N)/(threadCPU(b)-begin).Seconds()/1e6, "Mpkt/CPU-s")
}
