package queue

import (
	"io"
	"os"
)

// place finds out where in the files the loaded position of c is: the number
// of the record counts, segment and offset are hints. It is called while the
// log is being opened.
func (j *journal) place(c *Cursor) {
	p := c.pos
	i := len(j.segs) - 1
	for i > 0 && j.segs[i].start.seq > p.seq {
		i--
	}
	switch {
	case p.seq == j.tail.seq:
		p = j.tail
	case len(j.segs) == 0:
	case p.seq <= j.segs[0].start.seq:
		// What is missing before it is noticed when it is read.
		p.base, p.off = j.segs[0].base, 0
		c.oldest = j.segs[0].written
		if p.seq == j.segs[0].start.seq {
			p = j.segs[0].start
		}
	default:
		p, c.oldest = j.within(j.segs[i], p)
	}
	p.points = min(p.points, j.tail.points)
	c.pos, c.read = p, p
	c.count.carried = c.queued()
}

// within finds the record p.seq, or the first one after it, in a segment.
func (j *journal) within(seg segment, p position) (position, int64) {
	f, err := os.Open(segmentPath(j.dir, seg.base))
	if err != nil {
		return p, seg.written // Next will tell
	}
	defer f.Close()
	if p.base == seg.base && p.off < seg.size {
		var b [headerSize]byte
		if _, err := f.ReadAt(b[:], p.off); err == nil {
			if h, ok := parseHeader(b[:]); ok && h.category == j.category && h.seq == p.seq {
				return at(&h, seg.base, p.off), h.written
			}
		}
	}
	s := newScanner(j.cfg.file.read(f), j.category, 0, seg.size)
	for {
		found, err := s.next()
		if err == io.EOF {
			p.base, p.off = seg.base, seg.size
			return p, seg.written
		}
		if err != nil {
			return p, seg.written
		}
		if found.known() && found.kind != torn && found.head.seq >= p.seq {
			if found.head.seq > p.seq {
				p.base, p.off = seg.base, found.off
				return p, found.head.written
			}
			return at(&found.head, seg.base, found.off), found.head.written
		}
	}
}
