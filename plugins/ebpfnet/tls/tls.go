// Package tls reads what TLS libraries encrypt and decrypt, and hands it, as
// segments of connections, to the HTTP decoder.
//
//	/proc/*/maps, exec events ─► finder ─► which functions are where ─► uprobes, once per file
//	                                                                      │
//	   SSL_read, SSL_write, gnutls_record_*, (*tls.Conn).Read, …  ◄───────┘
//	        │ plaintext, position
//	        ▼
//	   sessions (kernel) ◄── the socket the thread works on, the descriptor
//	        │ ring buffer
//	        ▼
//	   Tracer.Poll ─► exchange.Tracker ─► verdict ─► sessions that are no HTTP are left alone
//
// Served are OpenSSL (1.1 and later), BoringSSL and GnuTLS, as libraries and
// where a program has them linked in with symbols, and crypto/tls of Go 1.17
// and later, stripped or not.
//
// A probe costs 0.6 µs per hit, or many times that where the kernel has to
// step over an instruction. So nothing is probed that is not needed, and where
// it costs least: reads and writes of C libraries twice, of Go once, and once
// per connection its end.
//
// What cannot be told is counted by reason, never guessed: see Accounts and
// Stats.
package tls

import (
	"log/slog"
	"time"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/l7/http"
	"datakit.dev/agent/plugins/ebpfnet/exchange"
)

// Sink takes the plaintext of connections: an exchange.Tracker.
type Sink interface {
	// Segment passes plaintext of the connection id. What it returns says
	// whether and how much more of the connection is wanted.
	Segment(id uint64, at *exchange.Endpoint, s *http.Segment) (http.Verdict, http.Capture)
	// Closed says that no more of it comes.
	Closed(id uint64, time int64)
}

// Config says what is observed.
type Config struct {
	Scope       bpf.Scope
	Loopback    bool   // connections over the loopback interface too
	NoIPv6      bool   // leave IPv6 out
	CgroupMount string // where cgroup v2 is mounted; "" without
	MaxSessions uint32 // open TLS connections that are followed, beyond it the most recently used; 0: 32768
	RingBytes   uint32 // a power of two; 0: 16 MiB

	FS   hostfs.Root
	Now  func() time.Time
	Log  *slog.Logger
	Sink Sink
	Name func(pid uint32) string // of a process; "" unknown
}
