package track

import (
	"math/rand/v2"
	"testing"
)

// A burst in which every other packet takes a faster way: all that come later
// are late, none was repeated.
func TestManyGaps(t *testing.T) {
	const segments, size = 2 * gapsPerSide, 1000
	w := newWire(t, Config{})
	c := w.handshake()
	c.InitialRTT = 1 << 40
	begin := w.seq[0]
	for i := 1; i < segments; i += 2 {
		w.at(client, ack, begin+uint32(i*size), size)
	}
	for i := 0; i < segments; i += 2 {
		w.at(client, ack, begin+uint32(i*size), size)
	}
	if s := c.Local; s.OutOfOrder != segments/2 || s.Retransmits != 0 || s.Stream != segments*size {
		t.Errorf("%d out of order, %d repeated, %d bytes", s.OutOfOrder, s.Retransmits, s.Stream)
	}
}

// TestGaps does what a stream does at random, beside a map of every position.
func TestGaps(t *testing.T) {
	const length = 400
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		var stats Stats
		g := gapLists{max: 1000, stats: &stats}
		var s Side
		var missing [length]bool
		count := func(from, to uint64) (n uint64) {
			for i := from; i < to; i++ {
				if missing[i] {
					n++
				}
			}
			return n
		}
		last := uint64(0)
		for last < length-10 {
			from := uint64(random.IntN(length))
			to := min(from+uint64(random.IntN(12)), length)
			switch random.IntN(6) {
			case 0, 1:
				from, to = last, last+1+uint64(random.IntN(4))
				last = to + 1 + uint64(random.IntN(5))
				g.add(&s, from, to)
				for i := from; i < to; i++ {
					missing[i] = true
				}
			case 2, 3:
				want := count(from, to)
				if got := g.fill(&s, from, to); got != want {
					t.Fatalf("round %d: %d of %d-%d were missing, want %d", round, got, from, to, want)
				}
				clear(missing[from:to])
			case 4:
				if got, want := g.overlap(&s, from, to), count(from, to); got != want {
					t.Fatalf("round %d: %d of %d-%d are missing, want %d", round, got, from, to, want)
				}
			default:
				if random.IntN(8) == 0 { // all gaps that end before
					g.acknowledged(&s, from)
					end := from
					for ; end > 0 && end < length && missing[end-1] && missing[end]; end-- {
					}
					clear(missing[:end])
				}
			}
		}
		if stats.GapsForgotten == 0 && g.overlap(&s, 0, length) != count(0, length) {
			t.Fatalf("round %d: the end differs", round)
		}
		if g.release(&s); g.used != 0 || s.gapCount != 0 || s.gaps != 0 {
			t.Fatalf("round %d: %d gaps are left", round, g.used)
		}
	}
}

// Where there are too many, the oldest of a side or what is new is forgotten.
func TestGapsForgotten(t *testing.T) {
	var stats Stats
	g := gapLists{max: gapsPerSide + 1, stats: &stats}
	var a, b Side
	for i := range uint64(gapsPerSide + 1) {
		g.add(&a, 10*i, 10*i+3)
	}
	if g.overlap(&a, 0, 5) != 0 || g.overlap(&a, 10, 15) != 3 || stats.GapsForgotten != 1 {
		t.Errorf("%d of the oldest, %d of the next are known, %d forgotten", g.overlap(&a, 0, 5), g.overlap(&a, 10, 15), stats.GapsForgotten)
	}
	if n := g.fill(&a, 11, 12); n != 1 || g.overlap(&a, 10, 15) != 1 { // no room for the part before
		t.Errorf("%d filled, %d left", n, g.overlap(&a, 10, 15))
	}
	g.add(&b, 0, 5)
	g.add(&b, 10, 15)
	if g.overlap(&b, 0, 20) != 5 || stats.GapsForgotten != 3 {
		t.Errorf("%d known of another side, %d forgotten", g.overlap(&b, 0, 20), stats.GapsForgotten)
	}
	g.release(&a)
	g.release(&b)
	if g.used != 0 {
		t.Errorf("%d are left", g.used)
	}
}
