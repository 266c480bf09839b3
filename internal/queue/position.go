package queue

// position is a place between two records of a log.
type position struct {
	seq    uint64 // number of the record that follows
	points uint64 // points in all records before it
	base   uint64 // name of the segment it lies in
	off    int64  // offset within that segment's file
}

// after returns the position behind the record h that begins at p.
func (p position) after(h *header) position {
	return position{seq: h.seq + 1, points: h.before + uint64(h.points), base: p.base, off: p.off + h.size()}
}

// at returns the position of the record h that begins at offset off of
// segment base.
func at(h *header, base uint64, off int64) position {
	return position{seq: h.seq, points: h.before, base: base, off: off}
}
