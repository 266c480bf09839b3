package exchange

import "datakit.dev/agent/internal/l7/http"

// Stats counts connections. Each that was opened is closed, expired or open.
type Stats struct {
	Opened  int64
	Closed  int64
	Expired int64 // silent for too long
	Open    int64 // now
	Left    int64 // found to be something else than HTTP; counted in one of the others too
	Waiting int64 // requests that waited for their response when the Tracker was closed
	Refused int64 // segments of connections beyond the bound
}

// Stats belongs to the goroutine of the Tracker.
func (t *Tracker) Stats() Stats {
	s := t.stats
	s.Open = int64(len(t.conns))
	return s
}

// Decoded counts what the decoders made of the segments, and by reason what
// they did not.
func (t *Tracker) Decoded() http.Stats { return *t.cfg.HTTP.Stats }
