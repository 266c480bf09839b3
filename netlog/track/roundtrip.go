package track

// roundTrip measures the round trip time of what the local end sends, with
// two segments under way at a time: the oldest that has no answer yet, and
// the latest. An acknowledgement that ends exactly where one of them ends is
// a sample; one that passes it tells too little. Nothing is measured with
// segments that were repeated (Karn's algorithm, RFC 6298 section 3).
type roundTrip struct {
	oldest, latest      timed
	smoothed, deviation int64 // RFC 6298 section 2, ns
}

type timed struct {
	at  int64 // 0: none
	end uint32
}

// sent notes a segment of the local end.
func (r *roundTrip) sent(at int64, end uint32) {
	if r.oldest.at == 0 {
		r.oldest = timed{at, end}
	} else {
		r.latest = timed{at, end}
	}
}

// repeated forgets what is under way.
func (r *roundTrip) repeated() { r.oldest, r.latest = timed{}, timed{} }

// acked takes an acknowledgement of the remote end and returns a sample, 0
// when there is none.
func (r *roundTrip) acked(at int64, ack uint32) (sample int64) {
	switch {
	case before(ack, r.oldest.end):
		return 0
	case ack == r.oldest.end:
		sample = at - r.oldest.at
		r.oldest, r.latest = r.latest, timed{}
		if r.oldest.at != 0 && r.oldest.end == ack {
			r.oldest = timed{}
		}
	case r.latest.at != 0 && before(ack, r.latest.end):
		r.oldest, r.latest = r.latest, timed{}
		return 0
	default:
		if r.latest.at != 0 && ack == r.latest.end {
			sample = at - r.latest.at
		}
		r.oldest, r.latest = timed{}, timed{}
	}
	if sample > 0 {
		r.smooth(sample)
	}
	return max(sample, 0)
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
