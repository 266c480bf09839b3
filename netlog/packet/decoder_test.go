package packet

import (
	"encoding/binary"
	"net/netip"
	"testing"
)

// segment is an Ethernet frame with an IPv4 TCP segment: ACK, timestamps and
// the given payload.
func segment(payload int) []byte {
	b := make([]byte, 14+20+32+payload)
	copy(b, "\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00")
	ip := b[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, ProtoTCP
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	copy(ip[12:], "\x0a\x00\x00\x01\x0a\x00\x00\x02")
	tcp := ip[20:]
	binary.BigEndian.PutUint16(tcp, 40000)
	binary.BigEndian.PutUint16(tcp[2:], 80)
	binary.BigEndian.PutUint32(tcp[4:], 1000)
	binary.BigEndian.PutUint32(tcp[8:], 2000)
	tcp[12], tcp[13] = 8<<4, byte(ACK|PSH)
	binary.BigEndian.PutUint16(tcp[14:], 512)
	copy(tcp[20:], "\x01\x01\x08\x0a\x00\x00\x00\x07\x00\x00\x00\x08")
	return b
}

func TestSegment(t *testing.T) {
	frame := segment(100)
	var d Decoder
	var p Packet
	if err := d.Decode(frame, len(frame), LinkEthernet, &p); err != nil {
		t.Fatal(err)
	}
	if p.Src != netip.MustParseAddr("10.0.0.1") || p.Dst != netip.MustParseAddr("10.0.0.2") || p.SrcPort != 40000 || p.DstPort != 80 {
		t.Errorf("from %v %d to %v %d", p.Src, p.SrcPort, p.Dst, p.DstPort)
	}
	if p.TCP.Seq != 1000 || p.TCP.Ack != 2000 || p.TCP.Flags != ACK|PSH || p.TCP.Window != 512 || p.TCP.Options != OptTimestamps || p.TCP.TSVal != 7 || p.TCP.TSEcr != 8 {
		t.Errorf("tcp %+v", p.TCP)
	}
	if p.PayloadLen != 100 || len(p.Payload) != 100 || p.SrcMAC != [6]byte{2, 0, 0, 0, 0, 1} {
		t.Errorf("payload %d, captured %d, from %x", p.PayloadLen, len(p.Payload), p.SrcMAC)
	}
}

func BenchmarkDecode(b *testing.B) {
	frame := segment(100)
	var d Decoder
	p := new(Packet)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Decode(frame, 1514, LinkEthernet, p); err != nil {
			b.Fatal(err)
		}
	}
}
