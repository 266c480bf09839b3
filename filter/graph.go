package filter

import (
	"cmp"
	"slices"
)

// rung is a step of a graph: a test, or a call for what no test can tell.
type rung struct {
	Test
	call func(*Packet) bool
}

// graph collects rungs from the last to the first, so that a rung knows the
// indexes of those after it. Equal tests are made once, which keeps rules
// that compare bool with bool from doubling in size with every operator.
type graph struct {
	rungs []rung
	made  map[Test]Target
}

func newGraph() *graph { return &graph{made: map[Test]Target{}} }

// test adds a test and returns it as a target.
func (g *graph) test(t Test) Target {
	if t.Yes == t.No {
		return t.Yes
	}
	if at, ok := g.made[t]; ok {
		return at
	}
	at := Target(len(g.rungs))
	g.made[t] = at
	g.rungs = append(g.rungs, rung{Test: t})
	return at
}

// call adds a function; functions are never equal.
func (g *graph) call(f func(*Packet) bool, yes, no Target) Target {
	if yes == no {
		return yes
	}
	g.rungs = append(g.rungs, rung{Test: Test{Yes: yes, No: no}, call: f})
	return Target(len(g.rungs) - 1)
}

// between adds a test of a field against lo..hi.
func (g *graph) between(f Field, lo, hi uint64, yes, no Target) Target {
	return g.test(Test{A: f, B: None, Lo: lo, Span: hi - lo, Yes: yes, No: no})
}

// chain is how many ranges are looked at one after the other; more are
// halved.
const chain = 4

// among adds tests of a field against ranges, given in any order.
func (g *graph) among(f Field, spans []span, yes, no Target) Target {
	return g.search(f, merge(spans), yes, no)
}

func (g *graph) search(f Field, spans []span, yes, no Target) Target {
	if len(spans) <= chain {
		for _, s := range slices.Backward(spans) {
			no = g.between(f, s.lo, s.hi, yes, no)
		}
		return no
	}
	half := len(spans) / 2
	below, above := g.search(f, spans[:half], yes, no), g.search(f, spans[half:], yes, no)
	return g.between(f, 0, spans[half-1].hi, below, above)
}

// merge sorts ranges and joins those that touch.
func merge(spans []span) []span {
	spans = slices.Clone(spans)
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	var merged []span
	for _, s := range spans {
		if last := len(merged) - 1; last >= 0 && (s.lo <= merged[last].hi || s.lo == merged[last].hi+1) {
			merged[last].hi = max(merged[last].hi, s.hi)
		} else {
			merged = append(merged, s)
		}
	}
	return merged
}

// finish returns the rungs that start reaches, each before those after it.
func (g *graph) finish(start Target) ([]rung, Target) {
	place := make([]Target, len(g.rungs)) // 1 + index, 0: not reached
	var order []rung
	if start >= 0 {
		place[start] = 1
	}
	for i, s := range slices.Backward(g.rungs) {
		if place[i] == 0 {
			continue
		}
		order = append(order, s)
		place[i] = Target(len(order))
		for _, t := range []Target{s.Yes, s.No} {
			if t >= 0 && place[t] == 0 {
				place[t] = 1
			}
		}
	}
	for i := range order {
		for _, t := range []*Target{&order[i].Yes, &order[i].No} {
			if *t >= 0 {
				*t = place[*t] - 1
			}
		}
	}
	if start >= 0 {
		start = 0
	}
	return order, start
}
