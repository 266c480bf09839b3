package queue

import (
	"errors"
	"maps"
	"os"
	"slices"
)

// list returns the cursors.
func (j *journal) list() []*Cursor {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Collect(maps.Values(j.cursors))
}

// collect deletes the segments that all cursors have passed, with all also
// the one that is being written, if nobody needs anything in it.
func (j *journal) collect(all bool) {
	j.reclaiming.Lock()
	defer j.reclaiming.Unlock()

	if all {
		j.endIf(func() bool { return j.settled().seq == j.tail.seq })
	}
	n := j.passed()
	if n == 0 {
		return
	}
	// Only durable positions allow a deletion: after the loss of power a
	// cursor must not point to what is gone.
	for _, c := range j.list() {
		c.sync()
	}
	j.remove(n)
}

// endIf ends the active segment, if it holds records and the condition, which
// is evaluated with mu held, is true.
func (j *journal) endIf(condition func() bool) {
	j.writing.Lock()
	defer j.writing.Unlock()
	if j.active == nil || j.end.off == 0 {
		return
	}
	j.mu.Lock()
	ok := condition()
	j.mu.Unlock()
	if ok {
		_ = j.seal() // if it fails, those who wait for a sync are told
	}
}

// passed counts the leading segments that all cursors have passed. The last
// one counts if it is no longer being written.
func (j *journal) passed() (n int) {
	j.writing.Lock()
	defer j.writing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	settled := j.settled()
	for n < len(j.segs) && j.following(n).seq <= settled.seq {
		n++
	}
	if n > 0 && j.writes(j.segs[n-1].base) {
		n--
	}
	return n
}

// following returns where the segment after segs[n] begins. The caller holds
// mu.
func (j *journal) following(n int) position {
	if n+1 < len(j.segs) {
		return j.segs[n+1].start
	}
	return j.tail
}

// overrun deletes the oldest segment, whoever still needs it, and returns the
// bytes that became free.
func (j *journal) overrun() int64 {
	j.reclaiming.Lock()
	defer j.reclaiming.Unlock()

	j.endIf(func() bool { return len(j.segs) == 1 })
	j.writing.Lock()
	dropped := false
	j.cfg.Book.Step(func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		if len(j.segs) == 0 || j.writes(j.segs[0].base) {
			return
		}
		p, written := j.following(0), int64(0)
		if len(j.segs) > 1 {
			written = j.segs[1].written
		}
		for _, c := range j.cursors {
			c.overrun(p, written)
		}
		j.changed.broadcast()
		dropped = true
	})
	j.writing.Unlock()
	if !dropped {
		return 0
	}
	for _, c := range j.list() {
		c.save()
	}
	return j.remove(1)
}

// remove deletes the n oldest segments and returns their size. The caller
// holds reclaiming, so that nobody else shortens the list.
func (j *journal) remove(n int) (freed int64) {
	j.mu.Lock()
	gone := slices.Clone(j.segs[:n])
	j.segs = slices.Delete(j.segs, 0, n)
	j.mu.Unlock()
	for _, seg := range gone {
		freed += j.unlink(seg)
	}
	return freed
}

// unlink deletes the file of a segment that is no longer listed. If that
// fails the next start finds it again, passed by all cursors.
func (j *journal) unlink(seg segment) int64 {
	j.writing.Lock()
	j.retired = slices.DeleteFunc(j.retired, func(r retired) bool {
		if r.base != seg.base {
			return false
		}
		_ = r.f.Close() // else its space would stay taken until the next sync
		return true
	})
	j.writing.Unlock()
	err := os.Remove(segmentPath(j.dir, seg.base))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		j.faults.writes.Add(1)
	}
	j.room.give(j.category, seg.size)
	return seg.size
}

// forget takes a segment off the list whose file somebody else deleted.
func (j *journal) forget(base uint64) {
	j.reclaiming.Lock()
	defer j.reclaiming.Unlock()
	j.writing.Lock()
	if j.writes(base) {
		_ = j.seal() // readers do not get what is pending either way
	}
	j.writing.Unlock()

	j.mu.Lock()
	i := j.find(base)
	var gone []segment
	if i < len(j.segs) && j.segs[i].base == base {
		gone = slices.Clone(j.segs[i : i+1])
		j.segs = slices.Delete(j.segs, i, i+1)
	}
	j.mu.Unlock()
	for _, seg := range gone {
		j.room.give(j.category, seg.size)
		j.cfg.Log.Error("queue segment has disappeared", "category", j.category, "segment", seg.base, "bytes", seg.size)
	}
}
