package packet

import "encoding/binary"

const (
	udpHeader  = 8
	icmpHeader = 8
)

// transport decodes what is in an IP packet: n bytes on the wire, of which b
// were captured.
func (p *Packet) transport(b []byte, n, depth int) Error {
	p.SrcPort, p.DstPort = 0, 0
	p.PayloadLen, p.Payload = n, nil
	if p.FragmentOffset > 0 {
		p.Payload = b
		return 0
	}
	switch p.Proto {
	case ProtoTCP:
		return p.tcp(b, n)
	case ProtoUDP:
		return p.udp(b, n, depth)
	case ProtoICMP, ProtoICMPv6:
		return p.icmp(b, n)
	}
	p.Payload = b
	if depth > 0 {
		return 0
	}
	switch p.Proto {
	case protoIPv4, protoIPv6:
		return p.ipip(b, n)
	case protoGRE:
		return p.gre(b, n)
	}
	return 0
}

func (p *Packet) udp(b []byte, n, depth int) Error {
	if len(b) < udpHeader {
		return short(n, udpHeader)
	}
	p.SrcPort = binary.BigEndian.Uint16(b)
	p.DstPort = binary.BigEndian.Uint16(b[2:])
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length != 0 { // 0: longer than 64 KiB (RFC 2675)
		if length < udpHeader {
			return Malformed
		}
		n = min(n, length) // longer in the first of several fragments
		b = b[:min(len(b), n)]
	}
	b, n = b[udpHeader:], n-udpHeader
	p.PayloadLen, p.Payload = n, b
	if depth > 0 {
		return 0
	}
	switch p.DstPort {
	case portVXLAN, portVXLANLinux:
		return p.vxlan(b, n)
	case portGeneve:
		return p.geneve(b, n)
	default:
		return 0
	}
}

func (p *Packet) icmp(b []byte, n int) Error {
	if len(b) < icmpHeader {
		return short(n, icmpHeader)
	}
	p.ICMP = ICMP{Type: b[0], Code: b[1], ID: binary.BigEndian.Uint16(b[4:]), Seq: binary.BigEndian.Uint16(b[6:])}
	p.PayloadLen, p.Payload = n-icmpHeader, b[icmpHeader:]
	return 0
}
