package flow

import (
	"time"

	"datakit.dev/agent/internal/point"
)

// series sums what happens between two ends, by K: what is not part of the
// tags. It has the sums V of one interval:
//
//	ends ──► peers ─┐
//	                ├──► flows ──► V        and one V for what is beyond the bound
//	K ──────────────┘
//
// Points of the same ends differ in fields alone. A backend would let the
// last of them overwrite the others, so each such twin is 1 ns later than the
// one before.
type series[K hashed, V any] struct {
	intake
	name     string // of the measurement
	fields   int    // of one point, at most
	peers    table[ends, peer]
	flows    table[flowKey[K], V]
	overflow V
	spilled  bool // overflow holds something
}

type flowKey[K hashed] struct {
	peer int32 // its place in peers
	what K
}

func (k flowKey[K]) hash(s *seed) uint64 { return mix(k.what.hash(s)^uint64(k.peer), s.number) }

// peer is what Flush remembers of two ends.
type peer struct {
	points   int64 // written so far
	begin    int   // their tags in the writer's slab
	end      int
	sampling sampling
}

type sampling uint8

const (
	undecided sampling = iota
	kept
	left
)

// prepare makes the series of one measurement, before anything else is done.
func (s *series[K, V]) prepare(cfg Config, spec point.Measurement) {
	s.intake.prepare(cfg, &spec)
	s.name, s.fields = spec.Name, len(spec.Fields)
	s.peers = newTable[ends, peer](s.cfg.MaxFlows)
	s.flows = newTable[flowKey[K], V](s.cfg.MaxFlows)
}

// known returns the sums of a flow of this interval, nil when it is new.
func (s *series[K, V]) known(e *ends, k *K) *V {
	p, state := s.peers.find(e)
	if state == nil {
		return nil
	}
	_, v := s.flows.find(&flowKey[K]{peer: p, what: *k})
	if v != nil {
		s.counters.aggregated.Add(1)
	}
	return v
}

// begin returns the sums of a flow that is not known; those of the overflow
// when there are too many.
func (s *series[K, V]) begin(e *ends, k *K) *V {
	if s.flows.full() {
		s.spilled = true
		s.counters.overflowed.Add(1)
		return &s.overflow
	}
	p, state := s.peers.find(e)
	if state == nil {
		p, _ = s.peers.add(e)
	}
	_, v := s.flows.add(&flowKey[K]{peer: p, what: *k})
	s.counters.flows.Add(1)
	s.counters.aggregated.Add(1)
	return v
}

// flush returns the points of the interval and begins a new one. write
// appends the fields of a flow to the writer; e is nil for the overflow.
func (s *series[K, V]) flush(now time.Time, write func(w *writer, e *ends, k *K, v *V)) []point.Point {
	produced := len(s.flows.entries)
	defer s.cfg.Sampler.Observe(now, produced)
	if produced == 0 && !s.spilled {
		return nil
	}
	w := newWriter(&s.intake, s.name, now.UnixNano(), produced+1, s.fields, len(s.peers.entries))
	for i := range s.flows.entries {
		f := &s.flows.entries[i]
		between := &s.peers.entries[f.key.peer]
		if !s.keep(&between.key, &between.value) {
			continue
		}
		w.ends(&between.key, &between.value)
		write(w, &between.key, &f.key.what, &f.value)
		if w.rate < 1 {
			w.field("sampling_rate", point.Float(w.rate))
		}
		w.finish(between.value.points)
		between.value.points++
	}
	written := len(w.points)
	s.counters.sampled.Add(int64(produced - written))
	s.counters.emitted.Add(int64(written))
	if s.spilled { // never thinned
		w.tag("overflow", "true")
		write(w, nil, nil, &s.overflow)
		w.finish(0)
	}
	s.reset()
	return w.points
}

// keep asks the sampler once for two ends.
func (s *series[K, V]) keep(e *ends, p *peer) bool {
	if p.sampling == undecided {
		p.sampling = left
		if s.cfg.Sampler.Keep(e.fate()) {
			p.sampling = kept
		}
	}
	return p.sampling == kept
}

func (s *series[K, V]) reset() {
	s.peers.reset()
	s.flows.reset()
	s.overflow = *new(V)
	s.spilled = false
}
