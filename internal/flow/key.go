package flow

import (
	"net/netip"

	"github.com/cespare/xxhash/v2"
)

// anyPort stands for a client port that was left out. No connection has port
// 0, so it is free for this.
const anyPort = 0

// key is what makes two connections the same flow.
type key struct {
	netns, dev            uint64
	local, remote         netip.Addr
	localPort, remotePort uint16 // anyPort: left out
	transport             uint8
	direction             Direction
	pid                   uint32
	process, container    string
}

// keyOf builds the key of a connection with clean addresses. Client ports
// from ephemeral on are left out.
func keyOf(c *Conn, local, remote netip.Addr, ephemeral int, withContainer bool) key {
	k := key{
		netns: c.Netns, dev: c.NetnsDev,
		local: local, remote: remote,
		localPort: c.Local.Port(), remotePort: c.Remote.Port(),
		transport: c.Transport, direction: c.Direction,
		pid: c.PID, process: c.Process,
	}
	if withContainer {
		k.container = c.Container
	}
	switch {
	case c.Direction == Outgoing && int(k.localPort) >= ephemeral:
		k.localPort = anyPort
	case c.Direction == Incoming && int(k.remotePort) >= ephemeral:
		k.remotePort = anyPort
	}
	return k
}

// clean makes one address have one spelling: IPv4-mapped ones become IPv4
// (RFC 4291 section 2.5.5.2), and the zone, which is local to a host, goes.
func clean(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// hash is for sampling: the same for both ends of a connection and on every
// host, so that the two reports of one connection share their fate.
func (k *key) hash() uint64 {
	a := netip.AddrPortFrom(k.local, k.localPort)
	b := netip.AddrPortFrom(k.remote, k.remotePort)
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	var buf [2*(16+2) + 1]byte
	n := putAddrPort(buf[:], a)
	n += putAddrPort(buf[n:], b)
	buf[n] = k.transport
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
