package track

import (
	"net/netip"
	"time"

	"datakit.dev/agent/netlog/packet"
)

// Conn is a connection, or the packets between two ports, as seen by one
// interface. It has no pointers: a hundred thousand cost the garbage
// collector nothing.
type Conn struct {
	network       network
	local, remote endpoint
	hash          uint32

	// Slot is the number of the connection among those that exist, for
	// tables beside this one. It is used again after the connection ended.
	Slot uint32

	newer, older uint32 // in the list of the class
	class        class

	State  State
	Opened Opener

	First, Latest int64 // times of packets, Unix ns; Latest never goes back

	Local, Remote Side

	SYN, Established, FIN, Closed int64 // times: first SYN, end of the handshake, first FIN, end; 0: not seen
	lastSYN                       int64
	InitialRTT                    int64 // from the SYN that was answered to the end of the handshake, ns; 0: not seen

	rtt roundTrip
}

// Opener says which end opened a connection.
type Opener uint8

// Openers of a connection.
const (
	OpenerUnknown Opener = iota
	OpenedByLocal
	OpenedByRemote
)

// Proto is the IP protocol number.
func (c *Conn) Proto() uint8 { return c.network.proto() }

// Tunnel is the encapsulation the packets came in, and its network
// identifier.
func (c *Conn) Tunnel() (packet.Tunnel, uint32) { return c.network.tunnel(), c.network.vni() }

// VLAN returns the ids of the outer frame's tags, 0: none.
func (c *Conn) VLAN() [2]uint16 { return c.network.vlan() }

// Ends returns both ends. The local one is on the interface's side. The ports
// of an ICMP echo are its identifier, those of other ICMP 0.
func (c *Conn) Ends() (local, remote netip.AddrPort) {
	return c.local.addrPort(), c.remote.addrPort()
}

// RTT is the smoothed round trip time and its mean deviation (RFC 6298) of
// what the local end sent; 0 when none was measured.
func (c *Conn) RTT() (smoothed, deviation time.Duration) {
	return time.Duration(c.rtt.smoothed), time.Duration(c.rtt.deviation)
}

// Handshake is how long the three-way handshake took, from the first SYN on;
// false when it was not seen whole.
func (c *Conn) Handshake() (time.Duration, bool) { return span(c.SYN, c.Established) }

// Teardown is how long closing took, from the first FIN on; false when it was
// not seen whole.
func (c *Conn) Teardown() (time.Duration, bool) { return span(c.FIN, c.Closed) }

func span(from, to int64) (time.Duration, bool) {
	return time.Duration(to - from), from != 0 && to > from
}

// WasOpen reports whether the connection came about: its handshake ended, or
// it was open when it was first seen.
func (c *Conn) WasOpen() bool {
	begun := (c.Local.flags|c.Remote.flags)&sawSYN != 0
	return c.Established != 0 || !begun && c.Local.Packets > 0 && c.Remote.Packets > 0
}
