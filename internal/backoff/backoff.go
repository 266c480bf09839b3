// Package backoff spaces the attempts at something that fails: a backend that
// does not answer, a child process that dies.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Backoff yields growing, jittered delays. The n-th delay since the last
// reset lies in [min·2ⁿ⁻¹, min·2ⁿ], and never above max: each range begins
// where the one before ends, so delays grow, and half of each is random, so
// that many hosts that lost the same backend do not return together.
//
// A Backoff belongs to one goroutine.
type Backoff struct {
	min, max time.Duration
	random   func() float64
	ceiling  time.Duration // of the last delay; 0 after a reset
}

// New returns a Backoff with delays between min and max. random returns
// numbers in [0, 1); nil means [rand.Float64]. A min of zero or less becomes
// a millisecond (a zero delay would never grow), a max below min becomes min.
func New(min, max time.Duration, random func() float64) *Backoff {
	if random == nil {
		random = rand.Float64
	}
	if min <= 0 {
		min = time.Millisecond
	}
	if max < min {
		max = min
	}
	return &Backoff{min: min, max: max, random: random}
}

// Next returns how long to wait before the next attempt.
func (b *Backoff) Next() time.Duration {
	b.ceiling = b.double(max(b.min, b.ceiling))
	floor := max(b.min, b.ceiling/2)
	return floor + time.Duration(b.random()*float64(b.ceiling-floor))
}

// double returns 2d, or the maximum where that is less; it does not overflow.
func (b *Backoff) double(d time.Duration) time.Duration {
	if d > b.max/2 {
		return b.max
	}
	return 2 * d
}

// Reset starts over with the shortest delay, as after a success.
func (b *Backoff) Reset() { b.ceiling = 0 }

// Ran tells that the thing that is retried worked for d before it failed
// again. It resets the delays when d is at least the longest delay: a child
// that dies at once stays throttled, one that served for long starts afresh.
func (b *Backoff) Ran(d time.Duration) {
	if d >= b.max {
		b.Reset()
	}
}
