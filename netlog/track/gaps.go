package track

// gapLists holds, for the few connections that have some, the ranges of their
// streams that were not seen although later ones were. Lists are numbered
// from 1.
type gapLists struct {
	lists []gapList
	free  []uint32
	max   int // lists
	stats *Stats
}

// gapsPerSide is how many gaps of one side are known. When there are more the
// oldest is forgotten, and what fills it counts as a retransmission.
const gapsPerSide = 6

type gapList struct {
	n    int
	gaps [gapsPerSide]gap // in order of the stream
}

type gap struct{ from, to uint64 }

// add notes a gap beyond those of list *at.
func (g *gapLists) add(at *uint32, from, to uint64) {
	if *at == 0 {
		if *at = g.take(); *at == 0 {
			g.stats.GapsForgotten++
			return
		}
	}
	l := &g.lists[*at-1]
	if l.n == gapsPerSide {
		copy(l.gaps[:], l.gaps[1:])
		l.n--
		g.stats.GapsForgotten++
	}
	l.gaps[l.n] = gap{from, to}
	l.n++
}

func (g *gapLists) take() uint32 {
	if n := len(g.free); n > 0 {
		at := g.free[n-1]
		g.free = g.free[:n-1]
		g.lists[at-1] = gapList{}
		return at
	}
	if len(g.lists) >= g.max {
		return 0
	}
	g.lists = append(g.lists, gapList{})
	return uint32(len(g.lists))
}

// release gives list *at back.
func (g *gapLists) release(at *uint32) {
	if *at != 0 {
		g.free = append(g.free, *at)
		*at = 0
	}
}

// overlap is how much of the range lies in gaps.
func (g *gapLists) overlap(at uint32, from, to uint64) (n uint64) {
	if at == 0 {
		return 0
	}
	l := &g.lists[at-1]
	for _, x := range l.gaps[:l.n] {
		if lo, hi := max(from, x.from), min(to, x.to); lo < hi {
			n += hi - lo
		}
	}
	return n
}

// fill takes a range out of the gaps and returns how much of it they held.
func (g *gapLists) fill(at *uint32, from, to uint64) (n uint64) {
	l := &g.lists[*at-1]
	old, kept := l.gaps, 0
	was := l.n
	keep := func(x gap) {
		if x.from >= x.to {
			return
		}
		if kept == gapsPerSide {
			g.stats.GapsForgotten++
			return
		}
		l.gaps[kept] = x
		kept++
	}
	for _, x := range old[:was] {
		lo, hi := max(from, x.from), min(to, x.to)
		if lo >= hi {
			keep(x)
			continue
		}
		n += hi - lo
		keep(gap{x.from, lo})
		keep(gap{hi, x.to})
	}
	if l.n = kept; kept == 0 {
		g.release(at)
	}
	return n
}

// acknowledged forgets the gaps before an acknowledged position: what lies in
// them arrived without being seen.
func (g *gapLists) acknowledged(at *uint32, pos uint64) {
	l := &g.lists[*at-1]
	kept := 0
	for _, x := range l.gaps[:l.n] {
		if x.to > pos {
			l.gaps[kept] = x
			kept++
		}
	}
	if l.n = kept; kept == 0 {
		g.release(at)
	}
}
