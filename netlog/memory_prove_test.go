//go:build prove

package netlog

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/plugins"
)

// TestMemory tells what a hundred thousand open connections of eight packets
// take, by what is made of them.
func TestMemory(t *testing.T) {
	const conns = 100_000
	for _, kind := range []struct {
		name string
		set  func(*plugins.EBPF, *Table)
	}{
		{"tracking", func(c *plugins.EBPF, t *Table) { c.NetlogMetric, t.MaxHTTP = false, 0 }},
		{"flows", func(*plugins.EBPF, *Table) {}},
		{"flows and logs", func(c *plugins.EBPF, _ *Table) { c.NetlogLog = true }},
	} {
		c, table := plugins.DefaultEBPF(), DefaultTable()
		kind.set(c, table)
		cfg, err := newTapConfig(c, table, time.Now)
		must(t, err)
		before := heap()
		tap := newTap(Interface{Name: "eth0"}, cfg, func(point.Point) {})
		p := packet.Packet{Time: second, Proto: packet.ProtoTCP, Payload: []byte("GET / HTTP/1.1\r\n\r\n"), PayloadLen: 18}
		for i := range conns {
			client := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
			for j := range uint32(8) {
				p.Dir, p.Src, p.SrcPort, p.Dst, p.DstPort = packet.Tx, client, 40000, addr("10.200.0.1"), 80
				p.TCP = packet.TCP{Flags: packet.ACK, Seq: 1 + j*18, Ack: 1, Window: 100}
				if j%2 == 1 {
					p.Dir, p.Src, p.SrcPort, p.Dst, p.DstPort = packet.Rx, p.Dst, 80, client, 40000
				}
				p.Time += 1000
				tap.packet(&p)
			}
		}
		used := heap() - before
		t.Logf("%-16s %5.1f MB, %.0f bytes per connection", kind.name, float64(used)/1e6, float64(used)/conns)
		if s := tap.table.Stats(); s.Open != conns {
			t.Error(fmt.Sprint(s.Open, " are open"))
		}
		if bound := float64(conns) * 3000; float64(used) > bound {
			t.Errorf("%s takes more than %.0f MB", kind.name, bound/1e6)
		}
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
