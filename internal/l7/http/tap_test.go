package http

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
)

// recording is what went over a connection, in order, as the client's end saw
// it.
type recording struct {
	mu     sync.Mutex
	chunks []chunk
	bytes  [2]int
}

// chunk is what one write or read moved. The client is Local.
type chunk struct {
	from Side
	data []byte
}

func (r *recording) add(from Side, b []byte) {
	if len(b) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chunks = append(r.chunks, chunk{from, slices.Clone(b)})
	r.bytes[from] += len(b)
}

// stream is all that one side sent.
func (r *recording) stream(from Side) (all []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.chunks {
		if c.from == from {
			all = append(all, c.data...)
		}
	}
	return all
}

// tap is the client's end of a connection that is recorded. What it writes is
// on record before it is sent, so causes come before effects.
type tap struct {
	net.Conn
	r *recording
}

func (t tap) Write(b []byte) (int, error) {
	t.r.add(Local, b)
	return t.Conn.Write(b)
}

func (t tap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.r.add(Remote, b[:n])
	return n, err
}

// bases are positions where streams begin in these tests: one beyond 32 bits.
var bases = [2]uint64{5_000_000_000, 17}

// segments makes segments of the chunks: one for each, all captured. Time is
// their number, from 1.
func (r *recording) segments() (all []Segment) {
	pos := bases
	for i, c := range r.chunks {
		all = append(all, Segment{Time: int64(i + 1), From: c.from, Pos: pos[c.from], Len: len(c.data), Data: c.data})
		pos[c.from] += uint64(len(c.data))
	}
	return all
}

// cut cuts segments at random places, into pieces of at most limit bytes.
func cut(rng *rand.Rand, in []Segment, limit int) (out []Segment) {
	for _, s := range in {
		for s.Len > 0 {
			n := min(s.Len, 1+rng.IntN(limit))
			out = append(out, Segment{s.Time, s.From, s.Pos, n, s.Data[:n]})
			s.Pos, s.Len, s.Data = s.Pos+uint64(n), s.Len-n, s.Data[n:]
		}
	}
	return out
}

// packets cuts segments as TCP does: full ones, then the rest.
func packets(in []Segment, size int) (out []Segment) {
	for _, s := range in {
		for s.Len > 0 {
			n := min(s.Len, size)
			out = append(out, Segment{s.Time, s.From, s.Pos, n, s.Data[:n]})
			s.Pos, s.Len, s.Data = s.Pos+uint64(n), s.Len-n, s.Data[n:]
		}
	}
	return out
}

// capture keeps the first bytes of each segment, between low and high.
func capture(rng *rand.Rand, in []Segment, low, high int) (out []Segment) {
	for _, s := range in {
		s.Data = s.Data[:min(len(s.Data), low+rng.IntN(high-low+1))]
		out = append(out, s)
	}
	return out
}

// shuffle moves segments by up to distance places and repeats some. The first
// of each side stays: nothing says where a stream begins but that.
func shuffle(rng *rand.Rand, in []Segment, distance int) []Segment {
	type keyed struct {
		Segment
		key int
	}
	var all []keyed
	var seen [2]bool
	for i, s := range in {
		key := 0
		if seen[s.From] {
			key = i*2 + rng.IntN(2*distance+1)
		} else {
			key = i * 2
		}
		seen[s.From] = true
		all = append(all, keyed{s, key})
		if rng.IntN(4) == 0 {
			all = append(all, keyed{s, key + rng.IntN(2*distance+1)})
		}
	}
	slices.SortStableFunc(all, func(a, b keyed) int { return a.key - b.key })
	out := []Segment{{Time: 1, From: Local, Pos: bases[Local]}, {Time: 1, From: Remote, Pos: bases[Remote]}}
	for _, k := range all {
		out = append(out, k.Segment)
	}
	return out
}

// decode feeds segments to a Conn of their own and closes it.
func decode(cfg Config, segments []Segment) (all []Exchange) {
	c := New(cfg)
	out := func(e *Exchange) { all = append(all, *e) }
	last := int64(0)
	for i := range segments {
		s := segments[i]
		s.Data = slices.Clone(s.Data) // as the contract says, it is gone afterwards
		c.Feed(&s, out)
		for j := range s.Data {
			s.Data[j] = 0xee
		}
		last = max(last, s.Time)
	}
	c.Close(last+1, out)
	return all
}

// sortByPos orders exchanges by where their requests began.
func sortByPos(all []Exchange) []Exchange {
	slices.SortStableFunc(all, func(a, b Exchange) int {
		switch {
		case a.RequestPos < b.RequestPos:
			return -1
		case a.RequestPos > b.RequestPos:
			return 1
		}
		return 0
	})
	return all
}

// same compares exchanges and names the first that differs.
func same(t *testing.T, what string, got, want []Exchange) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Fatalf("%s: exchange %d of %d is missing: %s", what, i, len(want), full(&want[i]))
		case i >= len(want):
			t.Fatalf("%s: exchange %d is too many, want %d: %s", what, i, len(want), full(&got[i]))
		case got[i] != want[i]:
			t.Fatalf("%s: exchange %d\ngot  %s\nwant %s", what, i, full(&got[i]), full(&want[i]))
		}
	}
}

func full(e *Exchange) string { return fmt.Sprintf("%+v", *e) }
