package filter

import (
	"encoding/binary"
	"net/netip"
)

// Packet is what rules see of a packet: numbers of its headers, and names
// that go with it. The source is the side of the network interface it was
// captured on: who fills it exchanges the sides of what was received. All
// headers are the innermost ones, VLAN tags those of the outer frame.
//
// The zero Packet is one without any header. It may be used again after new
// values were set.
type Packet struct {
	NIC, Netns     string // interface and namespace it was captured in
	SrcPod, DstPod string // names of the pods, "" when unknown

	fields [Fields]uint64
}

// Set sets a field to a value as its comment says.
func (p *Packet) Set(f Field, value uint64) { p.fields[f] = value }

// Get returns the value of a field.
func (p *Packet) Get(f Field) uint64 { return p.fields[f] }

// SetAddrs sets Family and the addresses, which are both IPv4, both IPv6 or
// both invalid (no IP).
func (p *Packet) SetAddrs(src, dst netip.Addr) {
	switch {
	case src.Is4():
		a, b := src.As4(), dst.As4()
		p.fields[Family] = 4
		p.fields[SrcIPv4] = IPv4Present | uint64(binary.BigEndian.Uint32(a[:]))
		p.fields[DstIPv4] = IPv4Present | uint64(binary.BigEndian.Uint32(b[:]))
		p.fields[SrcIPv6Hi], p.fields[SrcIPv6Lo], p.fields[DstIPv6Hi], p.fields[DstIPv6Lo] = 0, 0, 0, 0
	case src.Is6():
		p.fields[Family] = 6
		p.fields[SrcIPv4], p.fields[DstIPv4] = 0, 0
		p.fields[SrcIPv6Hi], p.fields[SrcIPv6Lo] = halves(src)
		p.fields[DstIPv6Hi], p.fields[DstIPv6Lo] = halves(dst)
	default:
		p.fields[Family] = 0
		p.fields[SrcIPv4], p.fields[DstIPv4] = 0, 0
		p.fields[SrcIPv6Hi], p.fields[SrcIPv6Lo], p.fields[DstIPv6Hi], p.fields[DstIPv6Lo] = 0, 0, 0, 0
	}
}

// halves are the two words of an IPv6 address.
func halves(a netip.Addr) (hi, lo uint64) {
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

// SetPorts sets the ports.
func (p *Packet) SetPorts(src, dst uint16) {
	p.fields[SrcPort], p.fields[DstPort] = uint64(src), uint64(dst)
}

// SetMACs sets the Ethernet addresses.
func (p *Packet) SetMACs(src, dst [6]byte) {
	p.fields[SrcMAC], p.fields[DstMAC] = macWord(src), macWord(dst)
}

func macWord(a [6]byte) uint64 {
	return MACPresent | uint64(a[0])<<40 | uint64(a[1])<<32 | uint64(a[2])<<24 | uint64(a[3])<<16 | uint64(a[4])<<8 | uint64(a[5])
}

// side is one end of a packet.
type side uint8

const (
	source side = iota
	destination
)

// addrFields are the fields that hold the address of a side.
func (s side) addrFields() (v4, hi, lo Field) {
	if s == source {
		return SrcIPv4, SrcIPv6Hi, SrcIPv6Lo
	}
	return DstIPv4, DstIPv6Hi, DstIPv6Lo
}

// addr is the address of a side, invalid when the packet is not IP.
func (p *Packet) addr(s side) netip.Addr {
	v4, hi, lo := s.addrFields()
	switch p.fields[Family] {
	case 4:
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(p.fields[v4]))
		return netip.AddrFrom4(b)
	case 6:
		var b [16]byte
		binary.BigEndian.PutUint64(b[:8], p.fields[hi])
		binary.BigEndian.PutUint64(b[8:], p.fields[lo])
		return netip.AddrFrom16(b)
	default:
		return netip.Addr{}
	}
}
