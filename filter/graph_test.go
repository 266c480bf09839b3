package filter

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
)

func TestMerge(t *testing.T) {
	all := func(ends ...uint64) (spans []span) {
		for i := 0; i < len(ends); i += 2 {
			spans = append(spans, span{SrcPort, ends[i], ends[i+1]})
		}
		return spans
	}
	tests := []struct {
		name     string
		in, want []span
	}{
		{"none", nil, nil},
		{"apart", all(5, 6, 1, 3), all(1, 3, 5, 6)},
		{"touching", all(4, 6, 1, 3), all(1, 6)},
		{"overlapping", all(1, 5, 3, 9), all(1, 9)},
		{"within", all(1, 9, 3, 4), all(1, 9)},
		{"twice", all(3, 3, 3, 3), all(3, 3)},
		{"up to the end", all(7, math.MaxUint64, 0, 1, 9, 9), all(0, 1, 7, math.MaxUint64)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := merge(test.in); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// decisionOf runs what f builds.
func decisionOf(f func(g *graph) Target) Decision {
	g := newGraph()
	rungs, start := g.finish(f(g))
	d := Decision{Start: start}
	for _, r := range rungs {
		d.Tests = append(d.Tests, r.Test)
	}
	return d
}

// A set of ranges is searched by halves: it holds what it should, in steps
// that grow with the logarithm of its size.
func TestSearch(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 4, 5, 100, 1000} {
		var spans []span
		member := map[uint64]bool{}
		for range n {
			lo := uint64(source.IntN(60000))
			hi := lo + uint64(source.IntN(20))
			spans = append(spans, span{SrcPort, lo, hi})
			for v := lo; v <= hi; v++ {
				member[v] = true
			}
		}
		d := decisionOf(func(g *graph) Target { return g.among(SrcPort, spans, Drop(0), Keep) })
		longest := 0
		var p Packet
		for v := range uint64(61000) {
			p.Set(SrcPort, v)
			if got := d.outcome(&p) == Drop(0); got != member[v] {
				t.Fatalf("%d ranges: %d is in is %t, want %t", n, v, got, member[v])
			}
			longest = max(longest, length(&d, &p))
		}
		if limit := chain + int(math.Log2(float64(n+1))) + 1; longest > limit {
			t.Errorf("%d ranges take %d tests, want %d at most", n, longest, limit)
		}
	}
}

// length is how many tests a packet takes.
func length(d *Decision, p *Packet) (n int) {
	for at := d.Start; at >= 0; n++ {
		t := d.Tests[at]
		if at = t.No; p.Get(t.A)-t.Lo <= t.Span {
			at = t.Yes
		}
	}
	return n
}

func TestEqualTestsAreMadeOnce(t *testing.T) {
	g := newGraph()
	a := g.between(SrcPort, 1, 2, Drop(0), Keep)
	if b := g.between(SrcPort, 1, 2, Drop(0), Keep); a != b || len(g.rungs) != 1 {
		t.Errorf("%d and %d, %d rungs", a, b, len(g.rungs))
	}
	if c := g.between(SrcPort, 1, 2, Keep, Keep); c != Keep {
		t.Errorf("a test whose outcome does not matter is made: %d", c)
	}
	if c := g.between(SrcPort, 1, 3, Drop(0), Keep); c == a {
		t.Error("another test is the same")
	}
}

// What start does not reach is left out, the rest is in order.
func TestFinish(t *testing.T) {
	d := decisionOf(func(g *graph) Target {
		last := g.between(VLAN, 1, 1, Drop(1), Keep)
		g.between(VNI, 1, 1, last, Keep) // not reached
		return g.between(Proto, 6, 6, g.between(SrcPort, 80, 80, last, Keep), last)
	})
	want := []Test{
		{A: Proto, B: None, Lo: 6, Yes: 1, No: 2},
		{A: SrcPort, B: None, Lo: 80, Yes: 2, No: Keep},
		{A: VLAN, B: None, Lo: 1, Yes: Drop(1), No: Keep},
	}
	if d.Start != 0 || !reflect.DeepEqual(d.Tests, want) {
		t.Errorf("start %d, %+v", d.Start, d.Tests)
	}
	if d := decisionOf(func(g *graph) Target { g.between(VNI, 1, 1, Drop(0), Keep); return Drop(3) }); d.Start != Drop(3) || len(d.Tests) != 0 || d.Start.Rule() != 3 {
		t.Errorf("an outcome alone: %+v", d)
	}
}
