package packet

import "encoding/binary"

// Tunnel is the encapsulation a packet was taken out of.
type Tunnel uint8

// Encapsulations that are decoded, one level deep.
const (
	None   Tunnel = iota
	VXLAN         // RFC 7348, UDP port 4789, and 8472 as Linux had it first
	Geneve        // RFC 8926, UDP port 6081
	GRE           // RFC 2784; the key (RFC 2890) is skipped, as both ends may use another one
	IPIP          // IPv4 or IPv6 in either (RFC 2003, 2473, 4213)
)

const (
	vxlanHeader  = 8
	geneveHeader = 8 // without options
	greHeader    = 4 // without options

	portVXLAN      = 4789
	portVXLANLinux = 8472
	portGeneve     = 6081

	protoIPv4 = 4
	protoIPv6 = 41
	protoGRE  = 47

	// unbounded is the length on the wire of what a fragment begins and does
	// not hold to its end.
	unbounded = 1 << 20
)

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

// gre looks into RFC 2784: flags and version, ethertype, and of RFC 2890 what
// the flags announce. What is of another version (PPTP), routed as in RFC 1701
// or holds something else than frames and IP packets (ERSPAN) stays GRE.
func (p *Packet) gre(b []byte, n int) Error {
	const checksum, routing, key, sequence, version = 0x80, 0x40, 0x20, 0x10, 0x07
	if n < greHeader {
		return 0
	}
	if len(b) < greHeader {
		return Truncated
	}
	header := greHeader
	for _, option := range [...]byte{checksum, key, sequence} {
		if b[0]&option != 0 {
			header += 4
		}
	}
	kind := binary.BigEndian.Uint16(b[2:])
	if b[0]&routing != 0 || b[1]&version != 0 || header > n || kind != etherTEB && kind != etherIPv4 && kind != etherIPv6 {
		return 0
	}
	if len(b) < header {
		return Truncated
	}
	p.enter(GRE, 0)
	b, n = b[header:], p.inside(n-header)
	if kind == etherTEB {
		return p.ethernet(b, n, 1)
	}
	return p.ether(kind, b, n, 1)
}

// ipip looks into IP in IP.
func (p *Packet) ipip(b []byte, n int) Error {
	version := p.Proto
	p.enter(IPIP, 0)
	if version == protoIPv4 {
		return p.ipv4(b, p.inside(n), 1)
	}
	return p.ipv6(b, p.inside(n), 1)
}
