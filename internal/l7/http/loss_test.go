package http

import (
	"math/rand/v2"
	"testing"
)

// lose leaves out one segment of n, at random. Where the streams begin is
// known.
func lose(rng *rand.Rand, in []Segment, n int) (out []Segment) {
	for side, base := range bases {
		out = append(out, Segment{Time: 1, From: Side(side), Pos: base})
	}
	for _, s := range in {
		if rng.IntN(n) != 0 {
			out = append(out, s)
		}
	}
	return out
}

// quality holds what was decoded of a part of a connection against what there
// was: an exchange may be missing, its fields may be empty, but what is said
// is true. It returns the share of the exchanges that is complete.
func quality(t *testing.T, what string, got, want []Exchange) float64 {
	t.Helper()
	byPos := map[uint64]*Exchange{}
	for i := range want {
		byPos[want[i].RequestPos] = &want[i]
	}
	complete := 0
	for i := range got {
		e := &got[i]
		w := byPos[e.RequestPos]
		if w == nil {
			t.Fatalf("%s: no request begins there: %s", what, full(e))
		}
		delete(byPos, e.RequestPos)
		if e.Method != "" && e.Method != w.Method || e.Path != "" && e.Path != w.Path && !e.Truncated ||
			e.Status != 0 && e.Status != w.Status || e.Version != w.Version {
			t.Fatalf("%s:\ngot  %s\nwant %s", what, full(e), full(w))
		}
		if e.Method == w.Method && e.Path == w.Path && e.Status == w.Status {
			complete++
		}
	}
	return float64(complete) / float64(len(want))
}

// TestLoss: segments that never come cost the exchanges they belong to, and
// no others get wrong.
func TestLoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	r1, r2 := recordHTTP1(t, rng, 200), recordHTTP2(t, rng, 200)
	want1, want2 := oracle(t, r1), oracle2(t, r2)
	heads := func(s []Segment) []Segment { return capture(rng, packets(s, 1448), 200, 256) }
	tests := []struct {
		name     string
		segments []Segment
		alter    func([]Segment) []Segment
		want     []Exchange
		least    float64 // share of complete exchanges
	}{
		{"HTTP/1, all bytes", packets(r1.segments(), 1448), func(s []Segment) []Segment { return lose(rng, s, 50) }, want1, 0.9},
		{"HTTP/1, heads", r1.segments(), func(s []Segment) []Segment { return lose(rng, heads(s), 50) }, want1, 0.9},
		{"HTTP/1, heads, many", r1.segments(), func(s []Segment) []Segment { return lose(rng, heads(s), 10) }, want1, 0.5},
		{"HTTP/1, heads, shuffled", r1.segments(), func(s []Segment) []Segment { return shuffle(rng, lose(rng, heads(s), 50), 3) }, want1, 0.9},
		{"HTTP/2, all bytes", packets(r2.segments(), 1448), func(s []Segment) []Segment { return lose(rng, s, 100) }, want2, 0.2},
		{"HTTP/2, heads", packets(r2.segments(), 1448), heads, want2, 0.02},
		{"HTTP/1, caught later", packets(r1.segments(), 1448), func(s []Segment) []Segment { return s[rng.IntN(len(s)/2):] }, want1, 0.4},
		{"HTTP/1, heads, caught later", r1.segments(), func(s []Segment) []Segment { s = heads(s); return s[rng.IntN(len(s)/2):] }, want1, 0.4},
		{"HTTP/2, caught later", packets(r2.segments(), 1448), func(s []Segment) []Segment { return s[rng.IntN(len(s)/2):] }, want2, 0.05},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			total, sum := 0.0, Stats{}
			const rounds = 40
			for range rounds {
				var stats Stats
				got := decode(Config{Stats: &stats, Names: NewNames()}, tt.alter(tt.segments))
				total += quality(t, tt.name, got, tt.want)
				if stats.Held != 0 {
					t.Errorf("%d bytes held after the end", stats.Held)
				}
				sum = stats
			}
			t.Logf("complete: %.2f; the last: %+v", total/rounds, sum)
			if total/rounds < tt.least {
				t.Errorf("%.2f of the exchanges are complete, want %.2f", total/rounds, tt.least)
			}
		})
	}
}
