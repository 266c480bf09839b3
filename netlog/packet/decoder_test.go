package packet

import (
	"net/netip"
	"slices"
	"testing"
)

// macOf is the bytes of an address; none is zero.
func macOf(s string) (mac [6]byte) {
	copy(mac[:], s)
	return mac
}

func TestDecode(t *testing.T) {
	var d Decoder
	var p Packet // reused, as sources do: what is left of the one before must not show
	for _, tt := range examples() {
		t.Run(tt.name, func(t *testing.T) {
			p.Dir = Unknown
			if err := d.Decode(tt.frame, tt.wire, tt.link, &p); err != nil {
				t.Fatal(err)
			}
			check(t, &p, &tt)
		})
	}
}

func check(t *testing.T, p *Packet, tt *example) {
	t.Helper()
	w := tt.want
	if w.src == "" {
		w.src, w.dst = a4, b4
	}
	if w.proto == 0 {
		w.proto = ProtoTCP
	}
	if w.payloadLen == 0 {
		w.payloadLen = len(w.payload)
	}
	if p.SrcMAC != macOf(w.srcMAC) || p.DstMAC != macOf(w.dstMAC) || p.VLAN != w.vlan || p.Tunnel != w.tunnel || p.VNI != w.vni {
		t.Errorf("from %x to %x, VLAN %v, tunnel %d %#x; want %+v", p.SrcMAC, p.DstMAC, p.VLAN, p.Tunnel, p.VNI, w)
	}
	if p.Src != netip.MustParseAddr(w.src) || p.Dst != netip.MustParseAddr(w.dst) || p.SrcPort != w.sport || p.DstPort != w.dport || p.Proto != w.proto {
		t.Errorf("from %v %d to %v %d, protocol %d; want %+v", p.Src, p.SrcPort, p.Dst, p.DstPort, p.Proto, w)
	}
	if p.Fragment != w.fragment || p.FragmentOffset != w.offset || p.LaterFragment() != (w.offset > 0) || p.Dir != w.dir {
		t.Errorf("fragment %v at %d, %v; want %+v", p.Fragment, p.FragmentOffset, p.Dir, w)
	}
	if string(p.Payload) != w.payload || p.PayloadLen != w.payloadLen {
		t.Errorf("payload of %d: %q; want %d: %q", p.PayloadLen, p.Payload, w.payloadLen, w.payload)
	}
	if p.Link != tt.link || !slices.Equal(p.Frame, tt.frame) || p.Captured != len(tt.frame) || p.Wire != max(tt.wire, len(tt.frame)) {
		t.Errorf("frame of link %d, %d of %d bytes", p.Link, p.Captured, p.Wire)
	}
	if w.proto == ProtoTCP && w.offset == 0 {
		w.tcp.Seq, w.tcp.Ack, w.tcp.Window, w.tcp.Flags = 0xfffffff0, 2000, 512, w.flags
		if got := present(p.TCP); got != w.tcp {
			t.Errorf("TCP %+v, want %+v", got, w.tcp)
		}
	}
	if (w.proto == ProtoICMP || w.proto == ProtoICMPv6) && p.ICMP != (ICMP{Type: uint8(w.icmpType), ID: uint16(w.icmpID), Seq: 3}) {
		t.Errorf("ICMP %+v", p.ICMP)
	}
}

// present clears what Options does not name.
func present(t TCP) TCP {
	if !t.Options.Has(OptMSS) {
		t.MSS = 0
	}
	if !t.Options.Has(OptWScale) {
		t.WScale = 0
	}
	if !t.Options.Has(OptTimestamps) {
		t.TSVal, t.TSEcr = 0, 0
	}
	if !t.Options.Has(OptSACK) {
		t.SACKs = 0
	}
	clear(t.SACK[t.SACKs:])
	return t
}

func TestRefused(t *testing.T) {
	for _, tt := range refused() {
		t.Run(tt.name, func(t *testing.T) {
			var d Decoder
			err := d.Decode(tt.frame, tt.wire, tt.link, new(Packet))
			if err != tt.want.err {
				t.Errorf("%v, want %v", err, tt.want.err)
			}
			if d.Frames != 1 || d.Refused[tt.want.err] != 1 {
				t.Errorf("counted %+v", d)
			}
		})
	}
}

// A capture that is cut anywhere gives the same packet with less payload and
// fewer options, or says that it is cut.
func TestCut(t *testing.T) {
	for _, tt := range examples() {
		for n := range min(len(tt.frame), 300) {
			var d Decoder
			var whole, part Packet
			wire := max(tt.wire, len(tt.frame))
			if err := d.Decode(tt.frame, wire, tt.link, &whole); err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			err := d.Decode(tt.frame[:n], wire, tt.link, &part)
			if err == Truncated {
				continue
			}
			if err != nil {
				t.Errorf("%s cut to %d: %v", tt.name, n, err)
				continue
			}
			if len(part.Payload) > len(whole.Payload) || string(part.Payload) != string(whole.Payload[:len(part.Payload)]) {
				t.Errorf("%s cut to %d: payload %q of %q", tt.name, n, part.Payload, whole.Payload)
			}
			if part.TCP.Options&^whole.TCP.Options != 0 {
				t.Errorf("%s cut to %d: options %b of %b", tt.name, n, part.TCP.Options, whole.TCP.Options)
			}
			part.TCP, part.Payload, part.Frame, part.Captured = whole.TCP, nil, nil, 0
			whole.Payload, whole.Frame, whole.Captured = nil, nil, 0
			if !equal(&part, &whole) {
				t.Errorf("%s cut to %d: %+v, want %+v", tt.name, n, part, whole)
			}
		}
	}
}

// equal compares packets without their slices.
func equal(a, b *Packet) bool {
	x, y := *a, *b
	x.Frame, x.Payload, y.Frame, y.Payload = nil, nil, nil, nil
	return x.Time == y.Time && x.Dir == y.Dir && x.Wire == y.Wire && x.SrcMAC == y.SrcMAC && x.DstMAC == y.DstMAC &&
		x.VLAN == y.VLAN && x.Tunnel == y.Tunnel && x.VNI == y.VNI && x.Src == y.Src && x.Dst == y.Dst &&
		x.SrcPort == y.SrcPort && x.DstPort == y.DstPort && x.Proto == y.Proto && x.Fragment == y.Fragment &&
		x.FragmentOffset == y.FragmentOffset && x.TCP == y.TCP && x.ICMP == y.ICMP && x.PayloadLen == y.PayloadLen
}

func TestNames(t *testing.T) {
	if s := Truncated.Error(); s != "decode packet: truncated" {
		t.Error(s)
	}
	seen := map[string]bool{}
	for e := range Error(Reasons) {
		if seen[e.String()] {
			t.Errorf("%v is the name of two reasons", e)
		}
		seen[e.String()] = true
	}
	if Unknown.String() != "unknown" || Rx.String() != "rx" || Tx.String() != "tx" {
		t.Error("directions")
	}
}
