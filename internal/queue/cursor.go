package queue

import (
	"context"
	"os"
	"sync"
)

// Cursor reads the blocks of one category for one backend.
//
//	delivered ──── pos ──── handed out ──── read ──── still in the file ──── tail
//	               durable  (Ack, Reject,             (Next)
//	                         Rewind)
//
// One goroutine calls Next; Ack, Reject and Rewind may come from others.
type Cursor struct {
	j       *journal
	backend string

	reading sync.Mutex // guards the open segment file; held during Next's I/O
	file    *os.File
	base    uint64

	saving sync.Mutex // guards the cursor file
	disk   *cursorFile
	saved  position
	synced bool

	// The rest is guarded by j.mu.
	pos, read position
	out       []handed // between pos and read, in order
	held      int64    // points in out
	oldest    int64    // when the first undelivered block was written
	turn      uint64   // grows when read jumps: a read under way is void
	removed   bool
	count     counts
}

// handed is an entry that Next returned and nobody acknowledged yet.
type handed struct {
	end     position
	points  int64
	written int64
	batch   *batch
}

// Next returns the entries that follow the ones it returned before, at least
// one, and at most maxBytes of records unless the first is larger. It blocks
// until there is one, ctx ends or the cursor is closed ([ErrClosed]). Entries
// may be outstanding from several calls. Damage is crossed when nothing is
// outstanding, so that it is counted exactly once.
func (c *Cursor) Next(ctx context.Context, maxBytes int) ([]Entry, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		v, err := c.look()
		if err != nil {
			return nil, err
		}
		wait := v.wait
		if wait == nil {
			entries, blocked, err := c.step(v, maxBytes)
			if err != nil || entries != nil {
				return entries, err
			}
			if blocked {
				wait = c.busy()
			}
		}
		if wait == nil {
			continue
		}
		c.release() // an idle cursor keeps no deleted segment alive
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-wait:
		}
	}
}

// view is what Next has to do next.
type view struct {
	wait    <-chan struct{} // wait for this, or:
	from    position        // read here,
	end     int64           // up to here in the segment,
	below   uint64          // and no record from this number on
	missing bool            // or the records up to here are gone
	idle    bool            // nothing is outstanding
	turn    uint64
}

// look finds the segment to read from.
func (c *Cursor) look() (view, error) {
	j := c.j
	j.mu.Lock()
	defer j.mu.Unlock()
	if c.removed {
		return view{}, ErrClosed
	}
	if c.read.seq == j.tail.seq {
		return view{wait: j.changed.wait()}, nil
	}
	v := view{below: j.tail.seq, idle: len(c.out) == 0, turn: c.turn}
	for i := j.find(c.read.base); i < len(j.segs); i++ {
		seg := &j.segs[i]
		if seg.base != c.read.base {
			c.read.base, c.read.off = seg.base, 0
		}
		if c.read.off < seg.size {
			v.from, v.end = c.read, seg.size
			if i+1 < len(j.segs) {
				v.below = j.segs[i+1].start.seq
			}
			return v, nil
		}
	}
	if !v.idle {
		return view{wait: j.changed.wait()}, nil
	}
	v.from, v.missing = j.tail, true
	return v, nil
}

// busy returns a channel to wait on while entries are outstanding, nil when
// none are.
func (c *Cursor) busy() <-chan struct{} {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	if len(c.out) == 0 || c.removed {
		return nil
	}
	return c.j.changed.wait()
}

// step reads entries, or crosses damage. With neither the caller looks again,
// at once or, when blocked, after what is outstanding.
func (c *Cursor) step(v view, maxBytes int) (entries []Entry, blocked bool, err error) {
	if v.missing {
		c.cross(v, v.from)
		return nil, false, nil
	}
	if there, err := c.open(v.from.base); err != nil || !there {
		return nil, false, err
	}
	b, next, err := c.fill(v, maxBytes)
	if err != nil {
		return nil, false, err
	}
	if len(b.entries) > 0 {
		return c.hand(v, b), false, nil
	}
	c.j.buffers.put(b)
	switch {
	case !v.idle:
		return nil, true, nil
	case next.seq == 0:
		next, err = c.resync(v)
	}
	if err == nil {
		c.cross(v, next)
	}
	return nil, false, err
}

// hand takes note of the entries in b and lets the caller of Next have them.
func (c *Cursor) hand(v view, b *batch) []Entry {
	c.j.mu.Lock()
	defer c.j.mu.Unlock()
	if c.turn != v.turn || c.removed {
		return nil
	}
	b.left = len(b.entries)
	for i := range b.entries {
		e := &b.entries[i]
		c.read.seq++
		c.read.points += uint64(e.Points)
		c.read.off += headerSize + int64(len(e.Payload))
		c.held += int64(e.Points)
		c.out = append(c.out, handed{end: c.read, points: int64(e.Points), written: e.Written.UnixNano(), batch: b})
	}
	c.oldest = c.out[0].written
	return b.entries
}

// arrive counts a block that was put. The caller holds j.mu and is in a step.
func (c *Cursor) arrive(p *pending) {
	c.count.put += int64(p.block.Points)
	if c.pos.seq+1 == p.end.seq {
		c.oldest = p.written
	}
}

// queued is the number of points between the cursor and the end of its log,
// by their positions. The caller holds j.mu.
func (c *Cursor) queued() int64 { return c.held + int64(c.j.tail.points-c.read.points) }
