package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// reference decodes a frame with the layers of gopacket. It is not ok when one
// of them refuses the frame, or reads it in another way by design:
//   - IPv6 packets of length 0, which we take for empty;
//   - more tags or extension headers than we follow;
//   - multipath TCP options, at which gopacket may stop.
func reference(frame []byte, link LinkType) (p Packet, ok bool) {
	switch link {
	case LinkEthernet:
		return p, refEthernet(&p, frame, 0)
	case LinkRaw:
		if len(frame) == 0 {
			return p, false
		}
		if frame[0]>>4 == 4 {
			return p, refIPv4(&p, frame, 0)
		}
		return p, refIPv6(&p, frame, 0)
	default:
		return p, false
	}
}

func refEthernet(p *Packet, b []byte, depth int) bool {
	var e layers.Ethernet
	if e.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
		return false
	}
	p.SrcMAC, p.DstMAC = [6]byte(e.SrcMAC), [6]byte(e.DstMAC)
	kind, b, kept := e.EthernetType, e.Payload, 0
	for tags := 0; kind == layers.EthernetTypeDot1Q || kind == layers.EthernetTypeQinQ || kind == 0x9100; tags++ {
		var q layers.Dot1Q
		if tags == maxTags || q.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
			return false
		}
		if depth == 0 && q.VLANIdentifier != 0 && kept < 2 {
			p.VLAN[kept] = q.VLANIdentifier
			kept++
		}
		kind, b = q.Type, q.Payload
	}
	return refEther(p, kind, b, depth)
}

func refEther(p *Packet, kind layers.EthernetType, b []byte, depth int) bool {
	switch kind {
	case layers.EthernetTypeIPv4:
		return refIPv4(p, b, depth)
	case layers.EthernetTypeIPv6:
		return refIPv6(p, b, depth)
	default:
		return false
	}
}

func refIPv4(p *Packet, b []byte, depth int) bool {
	var ip layers.IPv4
	if ip.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil || ip.Version != 4 {
		return false
	}
	p.Src, p.Dst = netip.AddrFrom4([4]byte(ip.SrcIP)), netip.AddrFrom4([4]byte(ip.DstIP))
	p.Proto = uint8(ip.Protocol)
	p.FragmentOffset = int(ip.FragOffset) * 8
	p.Fragment = p.FragmentOffset > 0 || ip.Flags&layers.IPv4MoreFragments != 0
	return refTransport(p, ip.Payload, depth)
}

func refIPv6(p *Packet, b []byte, depth int) bool {
	var ip layers.IPv6
	if ip.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil || ip.Version != 6 || ip.Length == 0 {
		return false
	}
	p.Src, p.Dst = netip.AddrFrom16([16]byte(ip.SrcIP)), netip.AddrFrom16([16]byte(ip.DstIP))
	p.Fragment, p.FragmentOffset = false, 0
	// gopacket takes a hop-by-hop header into the IPv6 layer: begin again.
	next, b := ip.NextHeader, b[40:min(len(b), 40+int(ip.Length))]
	for headers := 0; ; headers++ {
		var layer interface {
			DecodeFromBytes([]byte, gopacket.DecodeFeedback) error
			LayerPayload() []byte
		}
		switch next {
		case layers.IPProtocolIPv6HopByHop:
			layer = &layers.IPv6HopByHop{}
		case layers.IPProtocolIPv6Destination:
			layer = &layers.IPv6Destination{}
		case layers.IPProtocolIPv6Fragment, layers.IPProtocolIPv6Routing, layers.IPProtocolAH, 135, 139, 140:
			return refOther(p, next, b, headers, depth)
		default:
			p.Proto = uint8(next)
			return refTransport(p, b, depth)
		}
		if headers == maxHeaders-1 || layer.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
			return false
		}
		next, b = layers.IPProtocol(b[0]), layer.LayerPayload()
	}
}

// refOther follows headers that gopacket decodes in its packets only. It
// gives up on what it does not know.
func refOther(p *Packet, next layers.IPProtocol, b []byte, headers, depth int) bool {
	for ; headers < maxHeaders-1; headers++ {
		var first gopacket.Decoder
		switch next {
		case layers.IPProtocolIPv6Fragment:
			first = layers.LayerTypeIPv6Fragment
		case layers.IPProtocolIPv6Routing:
			first = layers.LayerTypeIPv6Routing
		case layers.IPProtocolAH:
			first = layers.LayerTypeIPSecAH
		default:
			p.Proto = uint8(next)
			_, more := map[layers.IPProtocol]bool{0: true, 60: true, 135: true, 139: true, 140: true}[next]
			return !more && refTransport(p, b, depth)
		}
		all := gopacket.NewPacket(b, first, gopacket.NoCopy).Layers()
		if len(all) == 0 {
			return false
		}
		switch l := all[0].(type) {
		case *layers.IPv6Fragment:
			p.FragmentOffset = int(l.FragmentOffset) * 8
			p.Fragment = p.FragmentOffset > 0 || l.MoreFragments
			next, b = l.NextHeader, l.Payload
			if p.FragmentOffset > 0 {
				p.Proto = uint8(next)
				return refTransport(p, b, depth)
			}
		case *layers.IPv6Routing:
			next, b = l.NextHeader, l.Payload
		case *layers.IPSecAH:
			next, b = l.NextHeader, l.Payload
		default:
			return false
		}
	}
	return false
}

func refTransport(p *Packet, b []byte, depth int) bool {
	p.SrcPort, p.DstPort = 0, 0
	p.Payload, p.PayloadLen = b, len(b)
	if p.FragmentOffset > 0 {
		return true
	}
	switch p.Proto {
	case protoIPv4, protoIPv6, protoGRE:
		return refTunnel(p, b, depth)
	case ProtoTCP:
		var t layers.TCP
		if t.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil || bytes.IndexByte(t.Contents[20:], 30) >= 0 {
			return false
		}
		p.SrcPort, p.DstPort = uint16(t.SrcPort), uint16(t.DstPort)
		p.TCP = TCP{Seq: t.Seq, Ack: t.Ack, Window: t.Window, Flags: Flags(b[13])}
		refOptions(&p.TCP, t.Options)
		p.Payload = t.Payload
	case ProtoUDP:
		return refUDP(p, b, depth)
	case ProtoICMP:
		var c layers.ICMPv4
		if c.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
			return false
		}
		p.ICMP = ICMP{c.TypeCode.Type(), c.TypeCode.Code(), c.Id, c.Seq}
		p.Payload = c.Payload
	case ProtoICMPv6:
		var c layers.ICMPv6
		if len(b) < icmpHeader || c.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
			return false
		}
		p.ICMP = ICMP{c.TypeCode.Type(), c.TypeCode.Code(), binary.BigEndian.Uint16(c.Payload), binary.BigEndian.Uint16(c.Payload[2:])}
		p.Payload = c.Payload[4:]
	}
	p.PayloadLen = len(p.Payload)
	return true
}

// refTunnel gives up on the beginning of several fragments.
func refTunnel(p *Packet, b []byte, depth int) bool {
	if depth > 0 || p.Fragment {
		return depth > 0
	}
	if p.Proto == protoIPv4 {
		p.Tunnel = IPIP
		return refIPv4(p, b, 1)
	}
	if p.Proto == protoIPv6 {
		p.Tunnel = IPIP
		return refIPv6(p, b, 1)
	}
	var g layers.GRE
	if len(b) < 16 || g.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
		return false // gopacket reads options without looking whether they are there
	}
	if g.Version != 0 || g.RoutingPresent {
		return true
	}
	switch g.Protocol {
	case layers.EthernetTypeTransparentEthernetBridging:
		p.Tunnel = GRE
		return refEthernet(p, g.Payload, 1)
	case layers.EthernetTypeIPv4, layers.EthernetTypeIPv6:
		p.Tunnel = GRE
		return refEther(p, g.Protocol, g.Payload, 1)
	}
	return true
}

func refUDP(p *Packet, b []byte, depth int) bool {
	var u layers.UDP
	if u.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
		return false
	}
	p.SrcPort, p.DstPort = uint16(u.SrcPort), uint16(u.DstPort)
	p.Payload, p.PayloadLen = u.Payload, len(u.Payload)
	if depth > 0 || p.Fragment {
		return depth > 0 || p.DstPort != portVXLAN && p.DstPort != portVXLANLinux && p.DstPort != portGeneve
	}
	switch p.DstPort {
	case portVXLAN, portVXLANLinux:
		var v layers.VXLAN
		if v.DecodeFromBytes(u.Payload, gopacket.NilDecodeFeedback) != nil || len(v.Payload) < ethernetHeader || !v.ValidIDFlag {
			return true
		}
		p.Tunnel, p.VNI = VXLAN, v.VNI
		return refEthernet(p, v.Payload, 1)
	case portGeneve:
		var g layers.Geneve
		if g.DecodeFromBytes(u.Payload, gopacket.NilDecodeFeedback) != nil {
			return false
		}
		if g.Version != 0 || g.OAMPacket {
			return true
		}
		switch g.Protocol {
		case layers.EthernetTypeTransparentEthernetBridging:
			p.Tunnel, p.VNI = Geneve, g.VNI
			return refEthernet(p, g.Payload, 1)
		case layers.EthernetTypeIPv4, layers.EthernetTypeIPv6:
			p.Tunnel, p.VNI = Geneve, g.VNI
			return refEther(p, g.Protocol, g.Payload, 1)
		}
	}
	return true
}

// refOptions takes the last of each kind, as we do.
func refOptions(t *TCP, all []layers.TCPOption) {
	for _, o := range all {
		d := o.OptionData
		switch {
		case o.OptionType == layers.TCPOptionKindMSS && len(d) == 2:
			t.MSS, t.Options = binary.BigEndian.Uint16(d), t.Options|OptMSS
		case o.OptionType == layers.TCPOptionKindWindowScale && len(d) == 1:
			t.WScale, t.Options = d[0], t.Options|OptWScale
		case o.OptionType == layers.TCPOptionKindSACKPermitted && len(d) == 0:
			t.Options |= OptSACKPermitted
		case o.OptionType == layers.TCPOptionKindTimestamps && len(d) == 8:
			t.TSVal, t.TSEcr, t.Options = binary.BigEndian.Uint32(d), binary.BigEndian.Uint32(d[4:]), t.Options|OptTimestamps
		case o.OptionType == layers.TCPOptionKindSACK && len(d) >= 8 && len(d) <= 32 && len(d)%8 == 0:
			t.SACKs, t.Options = uint8(len(d)/8), t.Options|OptSACK
			for i := range t.SACKs {
				at := d[8*i:]
				t.SACK[i] = [2]uint32{binary.BigEndian.Uint32(at), binary.BigEndian.Uint32(at[4:])}
			}
		}
	}
}

// The reference must decode what we built, or it proves nothing.
func TestReferenceKnowsTheExamples(t *testing.T) {
	known := 0
	for _, tt := range examples() {
		if _, ok := reference(tt.frame, tt.link); ok {
			known++
		}
	}
	if want := 35; known < want {
		t.Errorf("knows %d of the examples, want %d", known, want)
	}
}

// compare fails when gopacket reads a frame in another way; false when it does
// not read it.
func compare(t *testing.T, frame []byte, link LinkType) bool {
	t.Helper()
	want, known := reference(frame, link)
	var d Decoder
	var got Packet
	err := d.Decode(frame, 0, link, &got)
	if !known {
		return false
	}
	if err != nil {
		t.Fatalf("%v, and gopacket decodes %+v of % x", err, want, frame)
	}
	want.Wire = len(frame)
	if got.Proto != ProtoTCP || got.FragmentOffset > 0 {
		got.TCP, want.TCP = TCP{}, TCP{}
	}
	got.TCP, want.TCP = present(got.TCP), present(want.TCP)
	if (got.Proto != ProtoICMP && got.Proto != ProtoICMPv6) || got.FragmentOffset > 0 {
		got.ICMP, want.ICMP = ICMP{}, ICMP{}
	}
	if !equal(&got, &want) || string(got.Payload) != string(want.Payload) {
		t.Fatalf("%+v, and gopacket %+v of % x", got, want, frame)
	}
	return true
}
