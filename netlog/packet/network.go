package packet

import (
	"encoding/binary"
	"math"
	"net/netip"
)

const (
	ipv4Header = 20 // without options
	ipv6Header = 40
	maxHeaders = 8 // extension headers of one packet
)

// ipv4 decodes a packet of at most n bytes on the wire: what follows its
// total length is padding.
func (p *Packet) ipv4(b []byte, n, depth int) Error {
	if len(b) < ipv4Header {
		return short(n, ipv4Header)
	}
	header := int(b[0]&0x0f) * 4
	total := int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 || total > n {
		total = n // 0: longer than 64 KiB, or not yet segmented (BIG TCP, TSO)
	}
	if b[0]>>4 != 4 || header < ipv4Header || header > total {
		return Malformed
	}
	if len(b) < header {
		return Truncated
	}
	p.Src = netip.AddrFrom4([4]byte(b[12:]))
	p.Dst = netip.AddrFrom4([4]byte(b[16:]))
	p.Proto = b[9]
	const more, offset = 0x2000, 0x1fff
	fragment := binary.BigEndian.Uint16(b[6:]) & (more | offset)
	p.Fragment = fragment != 0
	p.FragmentOffset = int(fragment&offset) * 8
	if len(b) > total {
		b = b[:total]
	}
	return p.transport(b[header:], total-header, depth)
}

// IPv6 headers that may stand before the transport header (RFC 8200, 4302,
// 6275, 7401, 5533).
const (
	extHopByHop  = 0
	extRouting   = 43
	extFragment  = 44
	extAH        = 51
	extOptions   = 60
	extMobility  = 135
	extHIP       = 139
	extShim6     = 140
	fragmentSize = 8
)

// ipv6 decodes a packet and skips its extension headers.
func (p *Packet) ipv6(b []byte, n, depth int) Error {
	if len(b) < ipv6Header {
		return short(n, ipv6Header)
	}
	if b[0]>>4 != 6 {
		return Malformed
	}
	p.Src = netip.AddrFrom16([16]byte(b[8:]))
	p.Dst = netip.AddrFrom16([16]byte(b[24:]))
	p.Fragment, p.FragmentOffset = false, 0
	next, length := b[6], int(binary.BigEndian.Uint16(b[4:]))
	b, n = b[ipv6Header:], n-ipv6Header
	if length < n && (length != 0 || n <= math.MaxUint16) { // a length of 0 is also that of a jumbogram (RFC 2675)
		n = length
		if len(b) > n {
			b = b[:n]
		}
	}
	for range maxHeaders {
		var size int
		switch next {
		case extHopByHop, extRouting, extOptions, extMobility, extHIP, extShim6:
			size = 8
		case extAH:
			size = 12
		case extFragment:
			size = fragmentSize
		default:
			p.Proto = next
			return p.transport(b, n, depth)
		}
		if len(b) < size {
			return short(n, size)
		}
		switch next {
		case extAH:
			size = (int(b[1]) + 2) * 4
		case extFragment:
			const more, offset = 1, 0xfff8
			field := binary.BigEndian.Uint16(b[2:])
			p.Fragment = field&(more|offset) != 0
			p.FragmentOffset = int(field & offset)
		default:
			size = (int(b[1]) + 1) * 8
		}
		if len(b) < size {
			return short(n, size)
		}
		fragment := next == extFragment
		next, b, n = b[0], b[size:], n-size
		if fragment && p.FragmentOffset > 0 {
			p.Proto = next
			return p.transport(b, n, depth)
		}
	}
	return TooDeep
}
