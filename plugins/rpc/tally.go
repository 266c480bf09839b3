package rpc

import (
	"maps"
	"sync"
)

// Totals is the host's account of a child and of all that ran before it, in
// points: Captured = Accepted + Filtered + Sampled + Dropped + Unreported + Pending.
//
// What a child captured after its last frame and took to its grave is in none
// of them: nobody knows of it, and it is at most what one interval brings.
type Totals struct {
	Captured   int64            `json:"captured"`
	Accepted   int64            `json:"accepted"` // taken over by the host's sink
	Filtered   int64            `json:"filtered"`
	Sampled    int64            `json:"sampled"`
	Dropped    map[string]int64 `json:"dropped,omitempty"`
	Unreported int64            `json:"unreported"` // were pending in a child that died
	Pending    int64            `json:"pending"`    // in the child now
}

// Tally keeps the host's [Totals]. It changes within ledger steps only, in
// the same step in which the sink takes a block over, so a view of the book
// never sees a point in two places. The zero Tally is ready for use.
type Tally struct {
	mu       sync.Mutex
	past     Totals // of children that ended
	current  Counters
	accepted int64 // of the current child
}

// take applies a frame of the current child. Called within a ledger step.
func (t *Tally) take(c Counters, points int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = c
	t.accepted += int64(points)
}

// Settle closes the account of the current child, which has ended. What it
// still held becomes unreported. It is called within a ledger step and after
// Collect has returned.
func (t *Tally) Settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.past = t.sum()
	t.past.Unreported += t.past.Pending
	t.past.Pending = 0
	t.current, t.accepted = Counters{}, 0
}

// Totals returns the account. Read it within [ledger.Book.View] or from a
// [ledger.Source] when it has to match other counters.
func (t *Tally) Totals() Totals {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sum()
}

func (t *Tally) sum() Totals {
	s := t.past
	s.Captured += t.current.Captured
	s.Accepted += t.accepted
	s.Filtered += t.current.Filtered
	s.Sampled += t.current.Sampled
	s.Dropped = maps.Clone(s.Dropped)
	if s.Dropped == nil {
		s.Dropped = map[string]int64{}
	}
	for reason, n := range t.current.Dropped {
		s.Dropped[reason] += n
	}
	// The child counts a block as emitted when the acknowledgement arrives,
	// the host when it takes the block over, which is earlier.
	s.Pending += t.current.Emitted + t.current.Pending - t.accepted
	return s
}
