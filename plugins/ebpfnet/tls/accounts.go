package tls

import (
	"fmt"
	"sync/atomic"

	"datakit.dev/agent/internal/ledger"
)

// books are the accounts as of the last poll.
type books struct {
	accounts atomic.Pointer[[]ledger.Account]
	stats    atomic.Pointer[Stats]
}

// Stats is what was seen but not decoded, by reason, since the start.
type Stats struct {
	NotHTTP     int64 // sessions that carry something else
	Ambiguous   int64 // a thread encrypted for several sessions before it sent: tried again
	NoTransport int64 // Go: TLS over something that is no socket
	Unreadable  int64 // segments passed on without their bytes
}

// counters are those of tls.h, summed over the CPUs.
type counters [callsCounterCOUNTERS]int64

func (t *Tracer) counters() (c counters, err error) {
	var perCPU []callsCounts
	if err := t.object.Map("tls_counters").Lookup(uint32(0), &perCPU); err != nil {
		return c, fmt.Errorf("read counters of tls: %w", err)
	}
	for _, cpu := range perCPU {
		for i, n := range cpu.Of {
			c[i] += int64(n)
		}
	}
	return c, nil
}

// balance takes the books when nothing moves between looking at the counters
// and at the ring; else the next poll does.
func (t *Tracer) balance() {
	before, err := t.counters()
	if err != nil || t.ring.Available() > 0 {
		return
	}
	after, err := t.counters()
	if err != nil || before != after {
		return
	}
	ss := t.sessions
	segments := ledger.Account{
		Name: "events/ebpf-net/tls_segments", Unit: "segments",
		In: []ledger.Entry{{Name: "seen", Count: after[callsCounterCOUNT_SEGMENTS]}},
		Out: []ledger.Entry{
			{Name: "decoded", Count: ss.passed},
			{Name: "skipped", Reason: "not_http", Count: after[callsCounterCOUNT_UNWANTED]},
			{Name: "dropped", Reason: "ring_full", Count: after[callsCounterCOUNT_LOST]},
			{Name: "dropped", Reason: "sessions_full", Count: after[callsCounterCOUNT_NO_SESSION]},
			{Name: "dropped", Reason: "no_connection", Count: ss.noConnection},
			{Name: "dropped", Reason: "malformed", Count: ss.refused},
		},
		Held: []ledger.Entry{{Name: "awaiting_connection", Count: ss.held}},
	}
	stats := Stats{
		NotHTTP:     ss.notHTTP,
		Ambiguous:   after[callsCounterCOUNT_AMBIGUOUS],
		NoTransport: after[callsCounterCOUNT_NO_TRANSPORT],
		Unreadable:  after[callsCounterCOUNT_UNREADABLE],
	}
	t.books.stats.Store(&stats)
	accounts := []ledger.Account{segments, stats.undecoded()}
	for _, table := range t.tables {
		accounts = append(accounts, table.account())
	}
	t.books.accounts.Store(&accounts)
}

// undecoded is what was seen and led to nothing, or to less, by reason.
func (s *Stats) undecoded() ledger.Account {
	account := ledger.Account{Name: "events/ebpf-net/tls_undecoded", Unit: "events"}
	for _, r := range []struct {
		reason string
		n      int64
	}{
		{"sessions_not_http", s.NotHTTP}, {"ambiguous_writes", s.Ambiguous},
		{"no_socket_below_go_tls", s.NoTransport}, {"unreadable_segments", s.Unreadable},
	} {
		account.In = append(account.In, ledger.Entry{Name: r.reason, Count: r.n})
		account.Out = append(account.Out, ledger.Entry{Name: "dropped", Reason: r.reason, Count: r.n})
	}
	return account
}

// Accounts tells where the plaintext went, as of a moment when nothing moved.
func (t *Tracer) Accounts() []ledger.Account {
	if a := t.books.accounts.Load(); a != nil {
		return *a
	}
	return nil
}

// Stats tells what was not decoded, as of the same moment.
func (t *Tracer) Stats() Stats {
	if s := t.books.stats.Load(); s != nil {
		return *s
	}
	return Stats{}
}
