package flow

import (
	"net/netip"
	"time"
)

// DNS is one transaction, a query and its answer, as one of its ends saw it.
type DNS struct {
	Netns    uint64 // inode number of the network namespace of the socket
	NetnsDev uint64 // device id of the file system nsfs

	Client, Server netip.AddrPort // IPv4-mapped addresses are unmapped by Add
	TCP            bool
	Direction      Direction // Outgoing: seen at the client; Incoming: at the server; Unknown counts as Outgoing

	PID       uint32 // thread group that owns the socket, 0 when unknown; only for the log
	Process   string // name of its leader, "" when unknown; only for the log
	Container string // container id, "" when none or unknown

	Name    string // what was asked for; only for the log
	Type    uint16 // of the record that was asked for; only for the log
	RCode   int    // with its extension (EDNS); -1: no answer in time
	Latency time.Duration
	Time    int64 // ns since the Unix epoch of the query, 0 when unknown; only for the log
}

// DefaultMaxLog is the bound when [DNSConfig] names none.
const DefaultMaxLog = 10000

// DNSConfig says how transactions become flows.
type DNSConfig struct {
	Config
	// Log keeps every transaction for [DNSAggregator.Log].
	Log bool
	// MaxLog bounds what is kept between two calls of Log. 0: DefaultMaxLog.
	MaxLog int
}
