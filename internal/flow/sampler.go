package flow

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
)

// minRate is the least share that is ever kept.
const minRate = 0.01

// Sampler decides which flows, connections or traces are reported, by a hash
// of their identity, so that a kept one is kept whole. A nil Sampler keeps
// everything. It belongs to one goroutine.
type Sampler struct {
	rate   float64
	budget int // points per minute to aim at, 0 for a fixed rate

	since    time.Time // begin of the window
	produced int       // points since then, before thinning
}

// ParseSampling makes the sampler of the keys sampling_rate and
// sampling_rate_pts_per_min; nil when both are empty. The first minute begins
// at start.
func ParseSampling(rate, perMinute string, start time.Time) (*Sampler, error) {
	switch {
	case rate != "" && perMinute != "":
		return nil, errors.New("sampling_rate and sampling_rate_pts_per_min exclude each other")
	case rate != "":
		r, err := strconv.ParseFloat(rate, 64)
		if err != nil || !(r >= minRate && r <= 1) {
			return nil, fmt.Errorf("sampling_rate %q: want a number from 0.01 to 1.00", rate)
		}
		return &Sampler{rate: r}, nil
	case perMinute != "":
		n, err := strconv.Atoi(perMinute)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("sampling_rate_pts_per_min %q: want a whole number from 1", perMinute)
		}
		return &Sampler{rate: 1, budget: n, since: start}, nil
	default:
		return nil, nil
	}
}

// Rate returns the share that is kept, 0.01 to 1.
func (s *Sampler) Rate() float64 {
	if s == nil {
		return 1
	}
	return s.rate
}

// Keep reports whether what has this hash is reported. A hash that is kept at
// one rate is kept at every higher one.
func (s *Sampler) Keep(hash uint64) bool {
	if s == nil || s.rate >= 1 {
		return true
	}
	return float64(hash) < s.rate*math.MaxUint64
}

// Observe tells how many points were produced, before thinning. Once a minute
// it sets the rate for the next one: budget / produced, from 0.01; a rate of
// 0.99 and more is 1. The first minute is whole.
func (s *Sampler) Observe(now time.Time, produced int) {
	if s == nil || s.budget == 0 {
		return
	}
	s.produced += produced
	elapsed := now.Sub(s.since)
	switch {
	case elapsed < 0: // the clock was set back
		s.since = now
	case elapsed >= 59*time.Second: // a tick may come a little early
		s.adapt(s.produced, elapsed)
		s.since, s.produced = now, 0
	}
}

func (s *Sampler) adapt(produced int, during time.Duration) {
	s.rate = 1
	if produced > 0 {
		s.rate = float64(s.budget) * during.Minutes() / float64(produced)
	}
	switch {
	case s.rate >= 0.99:
		s.rate = 1
	case s.rate < minRate:
		s.rate = minRate
	}
}
