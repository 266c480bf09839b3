package feed

import (
	"maps"
	"sync"

	"datakit.dev/agent/internal/point"
)

// Stats counts points, since New, save Pending, which is now.
//
//	Captured = Emitted + Filtered + Sampled + Dropped + Pending
//
// at every moment between two steps of the book. Points of Lines that were
// refused or not stored were never captured.
type Stats struct {
	Captured int64            // taken from collectors and clients
	Emitted  int64            // taken over by the sink
	Filtered int64            // not kept, by a filter
	Sampled  int64            // not kept, by sampling
	Dropped  map[string]int64 // by reason
	Pending  int64            // of collectors, in memory

	Warnings map[point.WarningType]int64 // broken point rules, not part of the balance
}

// counters guards Stats.
type counters struct {
	mu sync.Mutex
	s  Stats
}

func newStats() Stats {
	return Stats{Dropped: map[string]int64{}, Warnings: map[point.WarningType]int64{}}
}

func (c *counters) snapshot() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.s
	s.Dropped, s.Warnings = maps.Clone(s.Dropped), maps.Clone(s.Warnings)
	return s
}

func (c *counters) update(f func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.s)
}

func (c *counters) warn(w point.Warning) { c.update(func(s *Stats) { s.Warnings[w.Type]++ }) }

// refuse counts a point that Keep does not want.
func (s *Stats) refuse(reason string) {
	switch reason {
	case Filtered, "":
		s.Filtered++
	case Sampled:
		s.Sampled++
	default:
		s.Dropped[reason]++
	}
}

// add adds the counts of other.
func (s *Stats) add(other *Stats) {
	s.Captured += other.Captured
	s.Emitted += other.Emitted
	s.Filtered += other.Filtered
	s.Sampled += other.Sampled
	s.Pending += other.Pending
	for reason, n := range other.Dropped {
		s.Dropped[reason] += n
	}
	for rule, n := range other.Warnings {
		s.Warnings[rule] += n
	}
}

// takeBack undoes add, but for the warnings: they were seen.
func (s *Stats) takeBack(other *Stats) {
	s.Captured -= other.Captured
	s.Filtered -= other.Filtered
	s.Sampled -= other.Sampled
	s.Pending -= other.Pending
	for reason, n := range other.Dropped {
		s.Dropped[reason] -= n
	}
}
