package feed

import (
	"context"
	"fmt"

	"datakit.dev/agent/internal/point"
)

var _ point.Storer = (*Feed)(nil)

// Store implements [point.Storer]: it makes one block of pts, whatever its
// size, offers it to the sink once and returns when the sink has made it
// durable. After an error nothing was captured, unless ctx ended first: then
// nobody knows. Twins are told apart among the points of Store alone.
func (f *Feed) Store(ctx context.Context, c point.Category, pts []point.Point) error {
	if !c.Valid() {
		return fmt.Errorf("store points: unknown %v", c)
	}
	if err := f.window.wait(ctx); err != nil {
		return fmt.Errorf("wait for room: %w", err)
	}
	f.gate.RLock()
	if f.closed {
		f.gate.RUnlock()
		return ErrClosed
	}
	f.busy.Add(1)
	f.window.enter()
	f.gate.RUnlock()

	stored := newOutcome()
	go func() {
		defer f.busy.Done()
		defer f.window.leave()
		b, moved := f.stores[c].encode(f, c, pts)
		stored.set(f.putStored(b, moved))
	}()
	if err := stored.wait(ctx); err != nil {
		return fmt.Errorf("store points: %w", err)
	}
	return nil
}

// putStored offers the block once. The points are pending meanwhile, as those
// of other collectors, so that the frame that carries the block to the agent
// has them in its counters. When the block was not taken all is taken back,
// what was filtered too: points that come again count once.
func (f *Feed) putStored(b *batch, moved Stats) error {
	moved.Pending = int64(b.points)
	f.cfg.Book.Step(func() { f.counts.update(func(s *Stats) { s.add(&moved) }) })
	if b.points == 0 {
		f.release(b.raw)
		return nil
	}
	h := handover{Feed: f, accept: func(s *Stats) {
		s.Pending -= moved.Pending
		s.Emitted += moved.Pending
	}}
	h.block = f.pack(b)
	if err := h.put(f.life); err != nil && !h.accepted() {
		f.cfg.Book.Step(func() { f.counts.update(func(s *Stats) { s.takeBack(&moved) }) })
		return err
	}
	return nil
}

// encode makes a batch of pts. The lane has no open block: it lends its
// encoder and its memory of twins.
func (l *lane) encode(f *Feed, c point.Category, pts []point.Point) (*batch, Stats) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prepare(f, c)
	b, moved := &batch{category: c, raw: f.buffer()}, newStats()
	for i := range pts {
		p := &pts[i]
		moved.Captured++
		if f.cfg.Keep != nil {
			if keep, reason := f.cfg.Keep(c, p); !keep {
				moved.refuse(reason)
				continue
			}
		}
		if p.Time == 0 {
			p.Time = f.now()
		}
		l.twins.part(p)
		var ok bool
		if b.raw, ok = l.encoder.Append(b.raw, p); ok {
			b.points++
		} else {
			moved.Dropped[DroppedNoFields]++
		}
	}
	return b, moved
}
