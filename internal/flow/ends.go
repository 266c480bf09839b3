package flow

import (
	"encoding/binary"
	"net/netip"

	"github.com/cespare/xxhash/v2"
)

// anyPort stands for a client port that was left out. Nothing that is
// observed has port 0, so it is free for this.
const anyPort = 0

// ends says who talks to whom: the part of the key, and the tags, that the
// points of all measurements have in common.
type ends struct {
	netns, dev    uint64
	local, remote netip.AddrPort // clean; port anyPort: left out
	pid           uint32
	transport     uint8
	direction     Direction
	process       string
	container     string
}

// clean makes one address have one spelling: IPv4-mapped ones become IPv4
// (RFC 4291 section 2.5.5.2), and the zone, which is local to a host, goes.
func clean(a netip.AddrPort) netip.AddrPort {
	addr := a.Addr()
	if addr.Is4() {
		return a
	}
	return netip.AddrPortFrom(addr.Unmap().WithZone(""), a.Port())
}

// foldPort leaves the port of the client out when it is from or above.
func (e *ends) foldPort(from int) {
	switch {
	case e.direction == Outgoing && int(e.local.Port()) >= from:
		e.local = netip.AddrPortFrom(e.local.Addr(), anyPort)
	case e.direction == Incoming && int(e.remote.Port()) >= from:
		e.remote = netip.AddrPortFrom(e.remote.Addr(), anyPort)
	}
}

// server is the end that was connected to; the local one when that is not
// known.
func (e *ends) server() netip.AddrPort {
	if e.direction == Outgoing {
		return e.remote
	}
	return e.local
}

// hash leaves out what mostly follows from the rest.
func (e ends) hash(s *seed) uint64 {
	local, remote := e.local.Addr().As16(), e.remote.Addr().As16()
	ports := uint64(e.local.Port())<<48 | uint64(e.remote.Port())<<32 | uint64(e.pid)
	le := binary.LittleEndian
	h := mix(le.Uint64(local[:])^s.number, le.Uint64(local[8:])^k0)
	h ^= mix(le.Uint64(remote[:])^s.number, le.Uint64(remote[8:])^k1)
	return mix(h^ports, e.netns^uint64(e.direction)<<56^s.number)
}

// Odd constants of wyhash.
const (
	k0 = 0xa0761d6478bd642f
	k1 = 0xe7037ed1a0b428db
)

// fate is what the sampler decides by: the same for both ends of a connection and on every
// host, so that the two reports of one connection share their fate.
func (e *ends) fate() uint64 {
	a, b := e.local, e.remote
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	var buf [2*(16+2) + 1]byte
	n := putAddrPort(buf[:], a)
	n += putAddrPort(buf[n:], b)
	buf[n] = e.transport
	return xxhash.Sum64(buf[:])
}

func putAddrPort(dst []byte, a netip.AddrPort) int {
	b := a.Addr().As16()
	copy(dst, b[:])
	dst[16], dst[17] = byte(a.Port()>>8), byte(a.Port())
	return 18
}

// ipType is the value of the tags src_ip_type and dst_ip_type.
func ipType(a netip.Addr) string {
	switch {
	case a.IsPrivate(): // RFC 1918, and fc00::/7 of RFC 4193
		return "private"
	case a.IsLoopback():
		return "loopback"
	case a.IsMulticast():
		return "multicast"
	default:
		return "other"
	}
}

// family is the value of the tag family.
func family(a netip.Addr) string {
	if a.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// protocol is the value of the tag transport.
func protocol(transport uint8) string {
	if transport == UDP {
		return "udp"
	}
	return "tcp"
}
