package track

// gapLists holds, for the few connections that have some, the ranges of their
// streams that were not seen although later ones were. A list is the number
// of its latest gap, 0: none; from there it leads back in the stream.
type gapLists struct {
	gaps  []gap  // number n is at n-1
	free  uint32 // by older
	used  int
	max   int // gaps, of all lists
	stats *Stats
}

// gapsPerSide is how many gaps of one side are known. When there are more the
// oldest is forgotten, and what fills it counts as a retransmission.
const gapsPerSide = 64

type gap struct {
	from, to uint64
	older    uint32 // number of the one before
}

// add notes a gap beyond those of the side.
func (g *gapLists) add(s *Side, from, to uint64) {
	if s.gapCount == gapsPerSide {
		g.forgetOldest(s)
	}
	if n := g.take(gap{from, to, s.gaps}); n != 0 {
		s.gaps = n
		s.gapCount++
	}
}

// take sets a gap aside; 0 when there are too many.
func (g *gapLists) take(x gap) uint32 {
	n := g.free
	switch {
	case n != 0:
		g.free = g.gaps[n-1].older
	case len(g.gaps) >= g.max:
		g.stats.GapsForgotten++
		return 0
	default:
		g.gaps = append(g.gaps, gap{})
		n = uint32(len(g.gaps))
	}
	g.gaps[n-1] = x
	g.used++
	return n
}

// cut gives back what a link of a side's list leads to: a gap and all before
// it.
func (g *gapLists) cut(s *Side, link *uint32) {
	for n := *link; n != 0; {
		x := &g.gaps[n-1]
		n, x.older, g.free = x.older, g.free, n
		g.used--
		s.gapCount--
	}
	*link = 0
}

// release gives the whole list back.
func (g *gapLists) release(s *Side) { g.cut(s, &s.gaps) }

func (g *gapLists) forgetOldest(s *Side) {
	g.stats.GapsForgotten++
	link := &s.gaps
	for g.gaps[*link-1].older != 0 {
		link = &g.gaps[*link-1].older
	}
	g.cut(s, link)
}

// overlap is how much of the range lies in gaps.
func (g *gapLists) overlap(s *Side, from, to uint64) (n uint64) {
	for at := s.gaps; at != 0; {
		x := &g.gaps[at-1]
		if x.to <= from {
			break
		}
		if lo, hi := max(from, x.from), min(to, x.to); lo < hi {
			n += hi - lo
		}
		at = x.older
	}
	return n
}

// fill takes a range out of the gaps and returns how much of it they held.
func (g *gapLists) fill(s *Side, from, to uint64) (n uint64) {
	for link := &s.gaps; *link != 0; {
		x := &g.gaps[*link-1]
		if x.to <= from {
			break
		}
		lo, hi := max(from, x.from), min(to, x.to)
		switch {
		case lo >= hi:
			link = &x.older
			continue
		case lo == x.from && hi == x.to: // all of it
			gone := *link
			*link, x.older, g.free = x.older, g.free, gone
			g.used--
			s.gapCount--
		case lo == x.from:
			x.from = hi
			link = &x.older
		case hi == x.to:
			x.to = lo
			link = &x.older
		default: // two are left
			g.split(s, *link, lo, hi)
			return n + hi - lo
		}
		n += hi - lo
	}
	return n
}

// split leaves of a gap what is before lo and from hi on; the former is
// forgotten where there is no room for it.
func (g *gapLists) split(s *Side, number uint32, lo, hi uint64) {
	x := &g.gaps[number-1]
	before := gap{x.from, lo, x.older}
	x.from = hi
	if s.gapCount == gapsPerSide {
		g.stats.GapsForgotten++
		return
	}
	if n := g.take(before); n != 0 { // it may have moved them all
		g.gaps[number-1].older = n
		s.gapCount++
	}
}

// acknowledged forgets the gaps before an acknowledged position: what lies in
// them arrived without being seen.
func (g *gapLists) acknowledged(s *Side, pos uint64) {
	link := &s.gaps
	for *link != 0 && g.gaps[*link-1].to > pos {
		link = &g.gaps[*link-1].older
	}
	g.cut(s, link)
}
