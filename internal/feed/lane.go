package feed

import (
	"sync"
	"time"

	"datakit.dev/agent/internal/point"
)

// batch is a block under construction.
type batch struct {
	category point.Category
	raw      []byte
	points   int
	stored   *outcome // what clients wait for; nil when the points are those of collectors
}

// lane holds the open block of one category and one kind of producer. The
// zero lane is empty.
type lane struct {
	mu    sync.Mutex
	open  *batch
	timer *time.Timer // of open

	// For points of collectors:
	encoder *point.Encoder
	global  *point.TagSet // of encoder
	twins   *twins
}

// takePoints encodes points until the block is full. It returns the full
// block, which is then out of the lane and counts as busy, and the points that
// are left.
func (l *lane) takePoints(f *Feed, c point.Category, pts []point.Point) (full *batch, rest []point.Point) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prepare(f, c)
	moved := newStats()
	for len(pts) > 0 && full == nil {
		p := &pts[0]
		pts = pts[1:]
		moved.Captured++
		if f.cfg.Keep != nil {
			if keep, reason := f.cfg.Keep(c, p); !keep {
				moved.refuse(reason)
				continue
			}
		}
		var ok bool
		if full, ok = l.add(f, c, p); ok {
			moved.Pending++
		} else {
			moved.Dropped[DroppedNoFields]++
		}
	}
	f.cfg.Book.Step(func() { f.counts.update(func(s *Stats) { s.add(&moved) }) })
	return full, pts
}

// prepare makes encoder and twins when the first point comes, and follows a
// change of the global tags.
func (l *lane) prepare(f *Feed, c point.Category) {
	global := f.global.Load()
	if l.encoder == nil {
		l.encoder = point.NewEncoder(c, global, f.counts.warn)
		l.twins = newTwins()
	} else if l.global != global {
		l.encoder.SetGlobal(global)
	}
	l.global = global
}

// add encodes p into the open block. It reports false when p has no field
// left. When that makes the block full, or p does not fit into it (p is then
// in a new one), it returns the full block.
func (l *lane) add(f *Feed, c point.Category, p *point.Point) (full *batch, ok bool) {
	if p.Time == 0 {
		p.Time = f.now()
	}
	l.twins.part(p)
	b := l.open
	if b == nil {
		b = &batch{category: c, raw: f.buffer()}
	}
	before := len(b.raw)
	b.raw, ok = l.encoder.Append(b.raw, p)
	if !ok {
		if l.open == nil {
			f.release(b.raw)
		}
		return nil, false
	}
	if before > 0 && len(b.raw) > f.cfg.MaxRaw {
		next := &batch{category: c, raw: append(f.buffer(), b.raw[before:]...), points: 1}
		b.raw = b.raw[:before]
		l.detach(f)
		l.attach(f, next)
		return b, true
	}
	b.points++
	if l.open == nil {
		l.attach(f, b)
	}
	if b.points >= f.cfg.MaxPoints || len(b.raw) >= f.cfg.MaxRaw {
		l.detach(f)
		return b, true
	}
	return nil, true
}

// attach makes b the open block.
func (l *lane) attach(f *Feed, b *batch) {
	l.open = b
	l.timer = f.linger(l, b)
}

// detach takes the open block out of the lane; who calls it sends the block.
func (l *lane) detach(f *Feed) *batch {
	b := l.open
	l.open = nil
	f.busy.Add(1)
	f.window.enter()
	if l.timer.Stop() {
		f.busy.Done() // the timer's
	}
	return b
}

// cut detaches the open block, if there is one.
func (l *lane) cut(f *Feed) *batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		return nil
	}
	return l.detach(f)
}

// cutIf detaches b if it is still open.
func (l *lane) cutIf(f *Feed, b *batch) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open != b {
		return false
	}
	l.detach(f)
	return true
}
