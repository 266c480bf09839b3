package queue

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"syscall"
	"time"
)

// open makes base the segment to read from and reports whether it exists.
// Deleting a segment does not disturb a cursor that has it open. The caller
// holds c.reading.
func (c *Cursor) open(base uint64) (bool, error) {
	if c.file != nil && c.base == base {
		return true, nil
	}
	c.release()
	f, err := os.Open(segmentPath(c.j.dir, base))
	if errors.Is(err, os.ErrNotExist) {
		// Deleted under our hands, by the queue (then the next look finds
		// another segment) or by somebody else (then its records are lost).
		c.j.forget(base)
		return false, nil
	}
	if err != nil {
		return false, storage("read queue", err)
	}
	c.file, c.base = f, base
	return true, nil
}

// release closes the segment file. The caller holds c.reading.
func (c *Cursor) release() {
	if c.file != nil {
		_ = c.file.Close()
		c.file = nil
	}
}

// fill reads consecutive good records with one read and checks them. With no
// entries, next is where to go on if that is known, else there is damage.
func (c *Cursor) fill(v view, maxBytes int) (b *batch, next position, err error) {
	left := v.end - v.from.off
	b = c.j.buffers.get(min(left, max(int64(maxBytes), headerSize)))
	n, err := c.readAt(b.buf, v.from.off)
	if err != nil {
		return b, next, err
	}
	seq, points := v.from.seq, v.from.points
	for at := 0; ; {
		h, ok := parseHeader(b.buf[at:n])
		if ok && h.version > formatVersion {
			return b, next, newer("record", h.version)
		}
		if !ok || h.category != c.j.category || h.seq < seq || h.before < points || h.seq >= v.below {
			return b, next, nil
		}
		if h.seq != seq || h.before != points {
			next = v.from
			next.seq, next.points = h.seq, h.before
			return b, next, nil
		}
		size := int(h.size())
		if at+size > n && at == 0 && h.size() <= left && n == len(b.buf) {
			// Larger than maxBytes: the only entry of this batch.
			b.resize(h.size())
			more, err := c.readAt(b.buf[n:], v.from.off+int64(n))
			if err != nil {
				return b, next, err
			}
			n += more
		}
		if at+size > n {
			return b, next, nil
		}
		payload := b.buf[at+headerSize : at+size : at+size]
		if crc32.Checksum(payload, castagnoli) != h.sum {
			return b, next, nil
		}
		b.entries = append(b.entries, Entry{Block: h.block(payload), Written: time.Unix(0, h.written), Seq: h.seq})
		seq, points, at = seq+1, points+uint64(h.points), at+size
	}
}

// readAt reads what can be read: an unreadable page ends it like the end of
// the file does. Other errors are returned.
func (c *Cursor) readAt(b []byte, off int64) (int, error) {
	n, err := c.j.cfg.file.read(c.file).ReadAt(b, off)
	if err == nil || err == io.EOF || errors.Is(err, syscall.EIO) {
		return n, nil
	}
	return n, storage(fmt.Sprintf("read queue of %s", c.j.category), err)
}

// resync finds the next good record of the segment, or its end, and sets aside
// what lies before it.
func (c *Cursor) resync(v view) (position, error) {
	r := c.j.cfg.file.read(c.file)
	s := newScanner(r, c.j.category, v.from.off, v.end)
	s.from, s.below = v.from.seq, v.below
	next := v.from
	for {
		found, err := s.next()
		if err == io.EOF {
			next.off = v.end
			break
		}
		if err != nil {
			return position{}, fmt.Errorf("read queue of %s: %w", c.j.category, err)
		}
		if found.kind == whole && found.head.before >= v.from.points {
			next = at(&found.head, v.from.base, found.off)
			break
		}
	}
	name := fmt.Sprintf("%s-%020d-%d", c.j.category, v.from.base, v.from.off)
	c.j.keep(name, r, v.from.off, next.off-v.from.off)
	return next, nil
}

// cross moves the cursor over damaged or missing records. They are gone, so
// this is durable like an acknowledgement.
func (c *Cursor) cross(v view, next position) {
	c.j.cfg.Book.Step(func() {
		c.j.mu.Lock()
		defer c.j.mu.Unlock()
		if c.turn != v.turn || len(c.out) > 0 {
			return
		}
		c.count.lost += int64(next.seq - c.read.seq)
		c.drop(Damaged, int64(next.points-c.read.points))
		c.read, c.pos = next, next
		c.j.changed.broadcast()
	})
	c.save()
}
