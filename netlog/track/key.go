package track

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"datakit.dev/agent/netlog/packet"
)

// endpoint is one end of a connection: an address in 16 bytes, IPv4 as
// IPv4-mapped, and a port.
type endpoint struct {
	hi, lo uint64
	port   uint16
}

func (e *endpoint) set(a netip.Addr, port uint16) {
	e.port = port
	if a.Is4() {
		b := a.As4()
		e.hi, e.lo = 0, 0xffff<<32|uint64(binary.BigEndian.Uint32(b[:]))
		return
	}
	b := a.As16()
	e.hi, e.lo = binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

func (e *endpoint) addrPort() netip.AddrPort {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], e.hi)
	binary.BigEndian.PutUint64(b[8:], e.lo)
	return netip.AddrPortFrom(netip.AddrFrom16(b).Unmap(), e.port)
}

// network tells apart connections whose ends look alike: identifier of the
// tunnel (24 bits), VLAN ids (12 bits each), kind of the tunnel (3), protocol
// (8).
type network uint64

func networkOf(p *packet.Packet) network {
	if p.VNI|uint32(p.VLAN[0]) == 0 && p.Tunnel == packet.None {
		return network(p.Proto)
	}
	return network(p.VNI)<<35 | network(p.VLAN[0]&0xfff)<<23 | network(p.VLAN[1]&0xfff)<<11 | network(p.Tunnel)<<8 | network(p.Proto)
}

func (n network) proto() uint8          { return uint8(n) }
func (n network) tunnel() packet.Tunnel { return packet.Tunnel(n >> 8 & 7) }
func (n network) vni() uint32           { return uint32(n >> 35) }
func (n network) vlan() [2]uint16       { return [2]uint16{uint16(n >> 23 & 0xfff), uint16(n >> 11 & 0xfff)} }

// key is what the packets of both directions have in common.
type key struct {
	src, dst endpoint // of the packet at hand
	network  network
}

func (k *key) set(p *packet.Packet) {
	k.src.set(p.Src, p.SrcPort)
	k.dst.set(p.Dst, p.DstPort)
	k.network = networkOf(p)
	if (p.Proto == packet.ProtoICMP || p.Proto == packet.ProtoICMPv6) && echo(p) {
		k.src.port, k.dst.port = p.ICMP.ID, p.ICMP.ID
	}
}

// echo reports whether an ICMP packet is an echo request or reply, the only
// ones that have a conversation (RFC 792, RFC 4443).
func echo(p *packet.Packet) bool {
	if p.Proto == packet.ProtoICMP {
		return p.ICMP.Type == 8 || p.ICMP.Type == 0
	}
	return p.ICMP.Type == 128 || p.ICMP.Type == 129
}

// seed makes collisions unpredictable to those who choose addresses and
// ports.
type seed [3]uint64

// hash is the same for both directions.
func (k *key) hash(s *seed) uint32 {
	h := mix(k.src.hash(s)+k.dst.hash(s), uint64(k.network)^s[2])
	return uint32(h ^ h>>32)
}

func (e *endpoint) hash(s *seed) uint64 {
	return mix(mix(e.hi^s[0], e.lo^s[1])^uint64(e.port), s[2])
}

// mix is the multiplication of 64 by 64 bits folded, as in wyhash.
func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
