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

	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/pcap"
)

// BenchmarkRing decodes small segments that are sent at the highest rate. It
// reports the CPU time of the reading thread per packet and the rate; what
// was dropped has to be exactly what is missing.
func BenchmarkRing(b *testing.B) {
	w := nettest.New(b)
	blast := flooder(b, w)
	r := open(b, w.Far, Config{Timeout: 10 * time.Millisecond, SnapLen: 256, Wait: 200 * time.Millisecond, Filter: Filter{Classic: discard(b)}})
	var cpu time.Duration
	var seen, sent int64
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
	for sent < int64(b.N) {
		sent += sendFor(b, w, blast, time.Millisecond)
	}
	elapsed := b.Elapsed()
	done.Store(true)
	reader.Wait()
	s := r.Stats()
	b.ReportMetric(float64(sent)/elapsed.Seconds()/1e6, "Mpkt/s")
	b.ReportMetric(cpu.Seconds()/float64(max(seen, 1))*1e6, "CPU-s/Mpkt")
	b.ReportMetric(float64(s.Dropped), "drops")
	if seen+s.Dropped != sent || s.Received != sent {
		b.Errorf("%d sent, %d seen, %+v", sent, seen, s)
	}
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
