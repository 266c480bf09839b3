package feed

import (
	"hash/maphash"
	"math/bits"

	"datakit.dev/agent/internal/point"
)

// generation is how many points of a category twins remembers at least (and
// twice that at most, which is 4 MB).
const generation = 1 << 15

// twins tells points of one series with equal timestamps apart. InfluxDB and
// VictoriaMetrics keep only one of them: fields are not part of the identity
// of a point, and a collector may well have two results for one moment (two
// paths of one HTTP server). The second gets the next nanosecond that is free.
//
// It remembers the last points, by a 64-bit hash of series and time, in two
// generations: when the younger is full, the older is forgotten.
type twins struct {
	seed     maphash.Seed
	now, old map[uint64]uint32 // nanoseconds from a taken moment to the next that may be free
}

func newTwins() *twins {
	return &twins{seed: maphash.MakeSeed(), now: map[uint64]uint32{}, old: map[uint64]uint32{}}
}

// part moves the time of p to the first free nanosecond.
func (t *twins) part(p *point.Point) {
	series, sent := t.series(p), p.Time
	first := moment(series, sent)
	at := first
	for step, taken := t.step(at); taken; step, taken = t.step(at) {
		p.Time += int64(step)
		at = moment(series, p.Time)
	}
	t.take(at, 1)
	if at != first {
		// The next twin finds its place at once: a thousand of them cost
		// no more than a thousand pairs.
		t.take(first, uint32(p.Time+1-sent))
	}
}

// series hashes measurement and tags, in any order.
func (t *twins) series(p *point.Point) uint64 {
	h := maphash.String(t.seed, p.Measurement)
	for i := range p.Tags {
		if tag := &p.Tags[i]; tag.Value != "" {
			pair := maphash.String(t.seed, tag.Key) ^ bits.RotateLeft64(maphash.String(t.seed, tag.Value), 29)
			h += pair * 0x9e3779b97f4a7c15
		}
	}
	return h
}

// moment hashes a series and a time. The factors are those of SplitMix64.
func moment(series uint64, time int64) uint64 {
	h := series + uint64(time)*0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	return h ^ h>>27
}

func (t *twins) step(at uint64) (nanoseconds uint32, taken bool) {
	if nanoseconds, taken = t.now[at]; !taken {
		nanoseconds, taken = t.old[at]
	}
	return nanoseconds, taken
}

func (t *twins) take(at uint64, step uint32) {
	if len(t.now) >= generation {
		t.old, t.now = t.now, t.old
		clear(t.now)
	}
	t.now[at] = step
}
