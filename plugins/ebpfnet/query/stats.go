package query

import "datakit.dev/agent/internal/l7/dns"

// Stats counts messages that led to nothing, by reason.
type Stats struct {
	Malformed int64 // messages that are none
	Cut       int64 // longer than what is captured; read as far as they go
	Refused   int64 // segments of TCP connections beyond the bound
	Gaps      int64 // times that segments of a TCP connection never came
	Unframed  int64 // segments with bytes that belong to no message
}

// Stats belongs to the goroutine of the Tracker.
func (t *Tracker) Stats() Stats { return t.stats }

// Matched counts what became of queries and answers.
func (t *Tracker) Matched() dns.Stats { return t.table.Stats() }
