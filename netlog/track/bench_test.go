package track

import (
	"fmt"
	"net/netip"
	"testing"

	"datakit.dev/agent/netlog/packet"
)

// BenchmarkPacket is bulk transfer: of each connection in turn two segments
// and an acknowledgement.
func BenchmarkPacket(b *testing.B) {
	for _, conns := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprintf("connections=%d", conns), func(b *testing.B) {
			t := New(Config{Max: conns})
			p := packet.Packet{Proto: packet.ProtoTCP, Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2"), DstPort: 80}
			seq := make([]uint32, conns)
			i, step := 0, 0
			b.ReportAllocs()
			for b.Loop() {
				p.Time += 1000
				one, two := p, &p
				client := netip.AddrFrom4([4]byte{10, 1, byte(i >> 16), byte(i >> 8)})
				if step < 2 {
					p.Src, p.SrcPort, p.Dst, p.DstPort = client, 40000+uint16(i&255), one.Src, 80
					p.Dir, p.TCP.Seq, p.TCP.Ack, p.PayloadLen = packet.Tx, seq[i], 1, 1448
					seq[i] += 1448
				} else {
					p.Dst, p.DstPort, p.SrcPort = client, 40000+uint16(i&255), 80
					p.Dir, p.TCP.Seq, p.TCP.Ack, p.PayloadLen = packet.Rx, 1, seq[i], 0
				}
				p.TCP.Flags, p.TCP.Window = packet.ACK, 1000
				if step == 2 {
					p.Src = netip.AddrFrom4([4]byte{10, 0, 0, 2})
				} else {
					p.Dst = netip.AddrFrom4([4]byte{10, 0, 0, 2})
				}
				t.Packet(two)
				if step++; step == 3 {
					step = 0
					if i++; i == conns {
						i = 0
					}
				}
			}
			s := t.Stats()
			b.ReportMetric(float64(s.Memory)/float64(max(s.Open, 1)), "B/conn")
		})
	}
}
