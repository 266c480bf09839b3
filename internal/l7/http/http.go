// Package http turns the bytes of one TCP connection, as far as somebody saw
// them, into HTTP exchanges: a request and its response.
//
//	cgroup_skb (heads of packets) ─┐            ┌ side Local  ─ order ─ heads ─┐
//	uprobes (plaintext of TLS)    ─┼─ Segment ─►│                              ├─ pair ─► Exchange
//	AF_PACKET, capture files      ─┘            └ side Remote ─ order ─ heads ─┘
//
// HTTP/1.0 and 1.1 (RFC 9112), HTTP/2 (RFC 9113, in clear with or without
// upgrade; HPACK by RFC 7541) and gRPC on top of it.
//
// The decoder is made for partial sight. Of a segment it may get the first
// bytes only: bodies are then skipped by position, and bytes are counted by
// position, never by what was captured. Segments may come late, twice or not
// at all, a connection may be older than the observer. What could not be told
// is left empty and counted in [Stats]; it is never guessed.
//
// It does no I/O, starts nothing and reads no clock. All connections that
// share a Stats or a Names belong to one goroutine.
package http

import "time"

// Bounds of what one connection may keep, and of all that share a Stats.
const (
	maxHead      = 32 << 10           // bytes of a head that came in several segments
	maxOpen      = 128                // requests of HTTP/1 without an answer
	maxHeld      = 64                 // segments of one direction that wait
	maxHeldBytes = 128 << 10          // their captured bytes, when the first need not wait longer; of twice as many nothing is kept
	maxHeldAll   = 64 << 20           // the same over all connections
	maxWait      = int64(time.Second) // how long one waits, by the times of the segments
	defaultPath  = 2048
)

// Verdict says whether a connection carries HTTP.
type Verdict uint8

// The verdicts. NotHTTP is final: the connection may be forgotten.
const (
	Undecided Verdict = iota
	HTTP
	NotHTTP
)

// Capture says how much of the segments of one side is of use.
type Capture uint8

// The captures. With less than what is asked for, the decoder goes on, but
// some exchanges may lack fields or be counted as not decoded.
const (
	None  Capture = iota // nothing
	Heads                // the first 128-256 bytes of each
	All                  // all bytes: pipelining, long paths, HTTP/2
)

// Config is what connections have in common.
type Config struct {
	// MaxPath bounds [Exchange].Path, in bytes; 0: 2048.
	MaxPath int
	// Headers keeps the trace context of requests.
	Headers bool
	// Stats counts; nil: nobody looks.
	Stats *Stats
	// Names shares the strings of exchanges between connections; nil: every
	// path is allocated.
	Names *Names
}
