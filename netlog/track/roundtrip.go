package track

import "math"

// roundTrip measures the round trip time of what the local end sends. It
// times the segments under way, up to timedSegments of them: the oldest ones,
// which are answered next, and the latest, which is answered when the sender
// pauses. An acknowledgement that ends exactly where one of them ends is a
// sample; one that passes it tells too little. Nothing is measured with
// segments that were repeated (Karn's algorithm, RFC 6298 section 3).
type roundTrip struct {
	base int64 // time that sent is relative to
	sent [timedSegments]uint32
	end  [timedSegments]uint32
	n    uint8

	smoothed, deviation int64 // RFC 6298 section 2, ns
}

const timedSegments = 8

// send notes a segment of the local end.
func (r *roundTrip) send(at int64, end uint32) {
	if at-r.base > math.MaxUint32 || at < r.base {
		r.n = 0 // older than any round trip
	}
	switch {
	case r.n == 0:
		r.base = at
	case !after(end, r.end[r.n-1]):
		return
	case r.n == timedSegments:
		r.n--
	}
	r.sent[r.n], r.end[r.n] = uint32(at-r.base), end
	r.n++
}

// repeat forgets what is under way.
func (r *roundTrip) repeat() { r.n = 0 }

// acknowledge takes an acknowledgement of the remote end and returns a
// sample, 0 when there is none.
func (r *roundTrip) acknowledge(at int64, ack uint32) (sample int64) {
	var i uint8
	for i < r.n && !after(r.end[i], ack) {
		i++
	}
	if i == 0 {
		return 0
	}
	if r.end[i-1] == ack {
		sample = at - r.base - int64(r.sent[i-1])
	}
	copy(r.sent[:], r.sent[i:r.n])
	copy(r.end[:], r.end[i:r.n])
	r.n -= i
	if sample <= 0 {
		return 0
	}
	r.smooth(sample)
	return sample
}

func (r *roundTrip) smooth(sample int64) {
	if r.smoothed == 0 {
		r.smoothed, r.deviation = sample, sample/2
		return
	}
	off := r.smoothed - sample
	r.smoothed -= off / 8
	if off < 0 {
		off = -off
	}
	r.deviation += (off - r.deviation) / 4
}
