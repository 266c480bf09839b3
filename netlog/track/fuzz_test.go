package track

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"datakit.dev/agent/netlog/packet"
)

// FuzzTable feeds packets of a few hosts with any header. Whatever comes, the
// counts agree and nothing goes back.
func FuzzTable(f *testing.F) {
	segment := func(client bool, flags packet.Flags, seq, ack uint32, n uint16) []byte {
		b := make([]byte, packetBytes)
		if client {
			b[0] = 1
		}
		b[1] = byte(flags)
		binary.BigEndian.PutUint32(b[2:], seq)
		binary.BigEndian.PutUint32(b[6:], ack)
		binary.BigEndian.PutUint16(b[10:], n)
		return b
	}
	var dialogue []byte
	for _, s := range [][]byte{
		segment(true, syn, 9, 0, 0), segment(false, synAck, 99, 10, 0), segment(true, ack, 10, 100, 500),
		segment(true, ack, 2000, 100, 500), segment(false, ack, 100, 510, 0), segment(true, ack, 510, 100, 700),
		segment(true, fin, 2500, 100, 0), segment(false, rst, 100, 0, 0), segment(true, syn, 77, 0, 0),
	} {
		dialogue = append(dialogue, s...)
	}
	f.Add(dialogue)
	f.Fuzz(func(t *testing.T, in []byte) {
		ended := int64(0)
		table := New(Config{Max: 5, Ended: func(*Conn, Reason) { ended++ }})
		p := packet.Packet{Time: second}
		packets := int64(0)
		for ; len(in) >= packetBytes; in = in[packetBytes:] {
			decodePacket(&p, in)
			ev, ok := table.Packet(&p)
			packets++
			if !ok {
				continue
			}
			check(t, &ev, &p)
		}
		s := table.Stats()
		if s.Tracked+s.LaterFragments+s.Untracked != packets || s.Open > 5 || s.Opened != s.Open+ended {
			t.Fatalf("%d packets, %d ended, %+v", packets, ended, s)
		}
		table.Close()
		if s := table.Stats(); s.Open != 0 || s.Opened != ended || table.gaps.used != 0 {
			t.Fatalf("%+v, %d gaps are not given back", s, table.gaps.used)
		}
	})
}

const packetBytes = 16

func decodePacket(p *packet.Packet, b []byte) {
	hosts := [...]netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fe80::2")}
	protos := [...]uint8{packet.ProtoTCP, packet.ProtoTCP, packet.ProtoTCP, packet.ProtoUDP, packet.ProtoICMP, packet.ProtoICMPv6, 47}
	family := int(b[0]>>1&1) * 2
	p.Src, p.Dst, p.SrcPort, p.DstPort = hosts[family], hosts[family+1], 1, uint16(b[0]>>2&3)
	if b[0]&1 == 1 {
		p.Src, p.Dst, p.SrcPort, p.DstPort = p.Dst, p.Src, p.DstPort, p.SrcPort
	}
	p.Proto = protos[int(b[0]>>4)%len(protos)]
	p.TCP = packet.TCP{Flags: packet.Flags(b[1]), Seq: binary.BigEndian.Uint32(b[2:]), Ack: binary.BigEndian.Uint32(b[6:]), Window: uint16(b[12])}
	p.PayloadLen = int(binary.BigEndian.Uint16(b[10:]))
	p.Dir = packet.Direction(b[13] % 3)
	p.Time += int64(int8(b[14])) * second // also back
	p.FragmentOffset = int(b[15] >> 7)
}

func check(t *testing.T, ev *Event, p *packet.Packet) {
	c := ev.Conn
	for _, s := range []*Side{&c.Local, &c.Remote} {
		if s.Stream > s.Bytes || uint64(s.Retransmits) > s.Packets || s.First > s.Last {
			t.Fatalf("%+v", s)
		}
	}
	if p.Proto == packet.ProtoTCP && uint32(ev.Pos) != p.TCP.Seq {
		t.Fatalf("position %x of sequence number %x", ev.Pos, p.TCP.Seq)
	}
	if ev.RTT < 0 || c.rtt.smoothed < 0 || c.Latest < c.First {
		t.Fatalf("round trip %d, smoothed %d, from %d to %d", ev.RTT, c.rtt.smoothed, c.First, c.Latest)
	}
}
