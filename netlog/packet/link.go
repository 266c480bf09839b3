package packet

import "encoding/binary"

// LinkType is the kind of a frame's first header, numbered as in capture
// files (LINKTYPE_ values, tcpdump.org/linktypes.html).
type LinkType uint16

// Link types that are decoded.
const (
	LinkNull     LinkType = 0   // BSD loopback: address family in the byte order of the writer
	LinkEthernet LinkType = 1   //
	LinkRaw12    LinkType = 12  // raw IP, as some systems number it
	LinkRaw14    LinkType = 14  //
	LinkRaw      LinkType = 101 // raw IP
	LinkLoop     LinkType = 108 // OpenBSD loopback: address family in network byte order
	LinkCooked   LinkType = 113 // Linux "any" interface, SLL
	LinkIPv4     LinkType = 228
	LinkIPv6     LinkType = 229
	LinkCooked2  LinkType = 276 // SLL2
)

// Ethertypes (IANA ieee-802-numbers).
const (
	etherIPv4 = 0x0800
	etherIPv6 = 0x86dd
	etherVLAN = 0x8100 // 802.1Q
	etherQinQ = 0x88a8 // 802.1ad
	etherOld  = 0x9100 // stacked tags before 802.1ad
	etherTEB  = 0x6558 // transparent Ethernet bridging, in Geneve and GRE
)

const (
	ethernetHeader = 14
	vlanTag        = 4
	vlanMask       = 0x0fff // id in a tag: 12 bits
	maxTags        = 4
)

// link decodes the first header of a frame and what follows.
func (p *Packet) link(b []byte, n int, link LinkType) Error {
	switch link {
	case LinkEthernet:
		return p.ethernet(b, n, 0)
	case LinkRaw, LinkRaw12, LinkRaw14, LinkIPv4, LinkIPv6:
		return p.raw(b, n)
	case LinkNull, LinkLoop:
		return p.loopback(b, n, link)
	case LinkCooked:
		return p.cooked(b, n)
	case LinkCooked2:
		return p.cooked2(b, n)
	default:
		return UnknownLink
	}
}

// ethernet decodes a frame; depth is 0 outside of tunnels.
func (p *Packet) ethernet(b []byte, n, depth int) Error {
	if len(b) < ethernetHeader {
		return short(n, ethernetHeader)
	}
	p.DstMAC = [6]byte(b)
	p.SrcMAC = [6]byte(b[6:])
	return p.ether(binary.BigEndian.Uint16(b[12:]), b[ethernetHeader:], n-ethernetHeader, depth)
}

// ether decodes what an ethertype announces.
func (p *Packet) ether(kind uint16, b []byte, n, depth int) Error {
	if kind == etherIPv4 {
		return p.ipv4(b, n, depth)
	}
	if kind == etherVLAN || kind == etherQinQ || kind == etherOld {
		var e Error
		if kind, b, n, e = p.vlan(b, n, depth); e != 0 {
			return e
		}
	}
	switch kind {
	case etherIPv4:
		return p.ipv4(b, n, depth)
	case etherIPv6:
		return p.ipv6(b, n, depth)
	default:
		return NotIP
	}
}

// vlan skips tags, keeping the ids of those of the outer frame. An id of 0
// is a priority only.
func (p *Packet) vlan(b []byte, n, depth int) (kind uint16, rest []byte, wire int, e Error) {
	kept := 0
	for range maxTags {
		if len(b) < vlanTag {
			return 0, nil, 0, short(n, vlanTag)
		}
		id := binary.BigEndian.Uint16(b) & vlanMask
		if id != 0 && depth == 0 && kept < len(p.VLAN) {
			p.VLAN[kept] = id
			kept++
		}
		kind, b, n = binary.BigEndian.Uint16(b[2:]), b[vlanTag:], n-vlanTag
		if kind != etherVLAN && kind != etherQinQ && kind != etherOld {
			return kind, b, n, 0
		}
	}
	return 0, nil, 0, TooDeep
}

// raw decodes an IP packet of either version.
func (p *Packet) raw(b []byte, n int) Error {
	if len(b) == 0 {
		return short(n, 1)
	}
	switch b[0] >> 4 {
	case 4:
		return p.ipv4(b, n, 0)
	case 6:
		return p.ipv6(b, n, 0)
	default:
		return NotIP
	}
}

// Address families of loopback headers: IPv6 differs between systems (Linux,
// NetBSD, FreeBSD, Darwin).
const (
	familyIPv4 = 2
	familyAny6 = "\x0a\x18\x1c\x1e"
)

func (p *Packet) loopback(b []byte, n int, link LinkType) Error {
	const header = 4
	if len(b) < header {
		return short(n, header)
	}
	family := binary.BigEndian.Uint32(b)
	if link == LinkNull && family > 0xffff { // written by a little-endian machine
		family = binary.LittleEndian.Uint32(b)
	}
	b, n = b[header:], n-header
	switch {
	case family == familyIPv4:
		return p.ipv4(b, n, 0)
	case family == uint32(familyAny6[0]), family == uint32(familyAny6[1]), family == uint32(familyAny6[2]), family == uint32(familyAny6[3]):
		return p.ipv6(b, n, 0)
	default:
		return NotIP
	}
}

// cooked decodes SLL: packet type, ARPHRD, address length, address, ethertype.
func (p *Packet) cooked(b []byte, n int) Error {
	const header = 16
	if len(b) < header {
		return short(n, header)
	}
	p.Dir = direction(binary.BigEndian.Uint16(b))
	if binary.BigEndian.Uint16(b[4:]) == 6 {
		p.SrcMAC = [6]byte(b[6:])
	}
	return p.ether(binary.BigEndian.Uint16(b[14:]), b[header:], n-header, 0)
}

// cooked2 decodes SLL2: ethertype, reserved, interface, ARPHRD, packet type,
// address length, address.
func (p *Packet) cooked2(b []byte, n int) Error {
	const header = 20
	if len(b) < header {
		return short(n, header)
	}
	p.Dir = direction(uint16(b[10]))
	if b[11] == 6 {
		p.SrcMAC = [6]byte(b[12:])
	}
	return p.ether(binary.BigEndian.Uint16(b), b[header:], n-header, 0)
}

// outgoing is PACKET_OUTGOING of if_packet.h.
const outgoing = 4

func direction(packetType uint16) Direction {
	if packetType == outgoing {
		return Tx
	}
	return Rx
}
