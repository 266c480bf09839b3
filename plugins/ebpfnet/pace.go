package ebpfnet

import "time"

// pace says how long to wait before the ring is looked at again: nobody is
// woken by a record. It doubles while little comes and halves when the ring
// fills up; a ring that overflows between costs nothing, because the records
// then wait in the table.
type pace struct {
	delay time.Duration
	ring  int // bytes
}

const (
	minPace = 5 * time.Millisecond
	maxPace = 250 * time.Millisecond
)

func newPace(ring int) pace { return pace{delay: maxPace, ring: ring} }

// next returns the delay after a look that took n bytes.
func (p *pace) next(n int) time.Duration {
	switch {
	case n > p.ring/4:
		p.delay = max(p.delay/2, minPace)
	case n < p.ring/16:
		p.delay = min(p.delay*2, maxPace)
	}
	return p.delay
}
