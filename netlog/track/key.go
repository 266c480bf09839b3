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

func endpointOf(a netip.Addr, port uint16) endpoint {
	b := a.As16()
	return endpoint{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:]), port}
}

func (e *endpoint) addrPort() netip.AddrPort {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], e.hi)
	binary.BigEndian.PutUint64(b[8:], e.lo)
	return netip.AddrPortFrom(netip.AddrFrom16(b).Unmap(), e.port)
}

// network tells apart connections whose ends look alike.
type network struct {
	vni    uint32
	vlan   [2]uint16
	tunnel packet.Tunnel
	proto  uint8
}

// key is what the packets of both directions have in common.
type key struct {
	src, dst endpoint // of the packet at hand
	network  network
}

func keyOf(p *packet.Packet) key {
	k := key{
		src: endpointOf(p.Src, p.SrcPort), dst: endpointOf(p.Dst, p.DstPort),
		network: network{vni: p.VNI, vlan: p.VLAN, tunnel: p.Tunnel, proto: p.Proto},
	}
	if (p.Proto == packet.ProtoICMP || p.Proto == packet.ProtoICMPv6) && echo(p) {
		k.src.port, k.dst.port = p.ICMP.ID, p.ICMP.ID
	}
	return k
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
	n := &k.network
	rest := uint64(n.vni)<<32 | uint64(n.vlan[0])<<16 | uint64(n.vlan[1]) ^ uint64(n.proto)<<8 ^ uint64(n.tunnel)
	h := mix(k.src.hash(s)+k.dst.hash(s), rest^s[2])
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
