package dns

import (
	"net/netip"
	"time"
)

// Key says between whom a message goes. A query and its answer have the same
// key but for PID, Process and CgroupID, which are not compared.
type Key struct {
	Netns          uint64
	Client, Server netip.AddrPort
	TCP            bool
	// Incoming says that the message was seen at the server, not at the
	// client: where both are on one host, each sees a transaction of its own.
	Incoming bool

	PID      uint32 // of the observed end, 0 when unknown
	Process  string // its name, "" when unknown
	CgroupID uint64 // of its socket, 0 when unknown
}

// Transaction is a query and what became of it.
type Transaction struct {
	// Key is that of the query. The process is the one that sent: the query at
	// the client, the answer at the server; that of the other message where
	// this one has none.
	Key
	ID      uint16
	Name    string // of the question, see [Message].Name
	Type    uint16
	RCode   int           // -1: no answer in time
	Latency time.Duration // from the first query to the answer; 0 without one
	Start   int64         // time of the first query, as the caller gave it
	Repeats int           // times the same query was sent again
	// Truncated says that the answer had the flag TC: the client will most
	// likely ask again over TCP, which is a transaction of its own.
	Truncated bool
}

// TimedOut is the RCode of a transaction without an answer.
const TimedOut = -1

// Stats counts what a [Table] saw. Queries is at all times the sum of
// Answered, TimedOut, Evicted and InFlight.
type Stats struct {
	Queries  int64 // transactions begun
	Answered int64
	TimedOut int64
	Evicted  int64 // forgotten, because there were too many
	InFlight int64 // waiting now

	Repeated  int64 // queries sent again within a transaction
	Unmatched int64 // answers to no query that waits: too late, sent twice, or seen without it
	Mismatch  int64 // answers to another question than was asked: forged, mostly
}
