package packet

import "encoding/binary"

const (
	udpHeader    = 8
	icmpHeader   = 8
	vxlanHeader  = 8
	geneveHeader = 8 // without options

	portVXLAN      = 4789
	portVXLANLinux = 8472
	portGeneve     = 6081

	// unbounded is the length on the wire of what a fragment begins and does
	// not hold to its end.
	unbounded = 1 << 20
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
	default:
		p.Payload = b
		return 0
	}
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

// vxlan looks into RFC 7348: flags, reserved, VNI, reserved. What does not
// say that it has a VNI, or has no room for a frame, stays plain UDP.
func (p *Packet) vxlan(b []byte, n int) Error {
	const hasVNI = 0x08
	if n < vxlanHeader+ethernetHeader {
		return 0
	}
	if len(b) < vxlanHeader {
		return Truncated
	}
	if b[0]&hasVNI == 0 {
		return 0
	}
	p.enter(VXLAN, binary.BigEndian.Uint32(b[4:])>>8)
	return p.ethernet(b[vxlanHeader:], p.inside(n-vxlanHeader), 1)
}

// geneve looks into RFC 8926: version and option length, flags, ethertype,
// VNI, reserved, options. What is of another version, has no room for its
// options, or holds something else than frames and IP packets, stays UDP.
func (p *Packet) geneve(b []byte, n int) Error {
	const version, words, control = 0xc0, 0x3f, 0x80
	if n < geneveHeader {
		return 0
	}
	if len(b) < geneveHeader {
		return Truncated
	}
	header := geneveHeader + int(b[0]&words)*4
	kind := binary.BigEndian.Uint16(b[2:])
	if b[0]&version != 0 || b[1]&control != 0 || header > n || kind != etherTEB && kind != etherIPv4 && kind != etherIPv6 {
		return 0
	}
	if len(b) < header {
		return Truncated
	}
	p.enter(Geneve, binary.BigEndian.Uint32(b[4:])>>8)
	b, n = b[header:], p.inside(n-header)
	if kind == etherTEB {
		return p.ethernet(b, n, 1)
	}
	return p.ether(kind, b, n, 1)
}

func (p *Packet) enter(t Tunnel, vni uint32) { p.Tunnel, p.VNI = t, vni }

// inside is the length of what a tunnel packet holds. The first of several
// fragments does not hold it all, yet its headers count for all.
func (p *Packet) inside(n int) int {
	if p.Fragment {
		return unbounded
	}
	return n
}

func (p *Packet) icmp(b []byte, n int) Error {
	if len(b) < icmpHeader {
		return short(n, icmpHeader)
	}
	p.ICMP = ICMP{Type: b[0], Code: b[1], ID: binary.BigEndian.Uint16(b[4:]), Seq: binary.BigEndian.Uint16(b[6:])}
	p.PayloadLen, p.Payload = n-icmpHeader, b[icmpHeader:]
	return 0
}
