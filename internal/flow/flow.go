// Package flow sums what was observed, connection by connection, exchange by
// exchange, up to flows: the points of netflow, httpflow and dnsflow.
//
//	Conn, one per connection ───► Aggregator ─────┐          ┌ one point per flow
//	HTTP, one per exchange ─────► HTTPAggregator ─┼─ Flush ──┴► feed
//	DNS, one per transaction ───► DNSAggregator ──┘
//	                              (sums by key)
//
// A flow is all traffic between two addresses that one process handled in one
// network namespace during one interval; the port of the client is usually
// left out of the key (see [Config].EphemeralPort), so that a thousand short
// connections to one server are one flow. The flows of HTTP and DNS differ
// also by what was asked for and what came of it, in fields.
package flow

import "net/netip"

// Transport protocols, as numbered by IANA.
const (
	TCP = 6
	UDP = 17
)

// Direction says which end opened the connection. The frame of reference is
// the local end, which is the source of every flow.
type Direction uint8

// The directions. Unknown is reported as no direction, and as no port being
// the client's.
const (
	Unknown  Direction = iota
	Outgoing           // the local end connected
	Incoming           // the remote end connected
)

// String returns the value of the tag direction; "" for Unknown.
func (d Direction) String() string {
	switch d {
	case Outgoing:
		return "outgoing"
	case Incoming:
		return "incoming"
	default:
		return ""
	}
}

// Conn is what happened on one connection since it was last reported: all
// counts are differences, never totals. For UDP a connection is the datagrams
// between one local and one remote address.
type Conn struct {
	Netns    uint64 // inode number of the network namespace of the socket
	NetnsDev uint64 // device id of the file system nsfs, st_dev of /proc/self/ns/net

	Local, Remote netip.AddrPort // IPv4-mapped addresses are unmapped by Add
	Transport     uint8          // TCP or UDP
	Direction     Direction

	PID       uint32 // thread group that owns the socket, 0 when unknown
	Process   string // name of its leader, "" when unknown
	CgroupID  uint64 // cgroup v2 id of the socket, for whoever looks up Container
	Container string // container id, "" when none or unknown

	Written, Read uint64 // payload bytes the application wrote and read
	Retransmits   uint32 // TCP: segments sent again
	RTT, RTTVar   uint32 // TCP: smoothed round trip time and its mean deviation, µs; RTT 0 is "not measured"

	Established, Closed int // TCP: 1 when the connection was established, closed
}

// idle reports that nothing happened worth a point.
func (c *Conn) idle() bool {
	return c.Written|c.Read == 0 && c.Retransmits == 0 && c.Established == 0 && c.Closed == 0
}
