package feed

import (
	"context"
	"fmt"

	"datakit.dev/agent/internal/point"
)

// Lines is line protocol as a client sent it.
type Lines struct {
	Body             []byte
	Precision        point.Precision
	IgnoreGlobalTags bool
}

// Lines takes a body of line protocol and returns the number of its points
// once they are durable. The lines are checked and spliced into blocks as
// they are; only those that break a point rule are written anew. What does
// not fill a block shares one with other clients for up to the linger time.
//
// A body that is not line protocol is refused as a whole, with a
// *[point.SyntaxError]. Any other error means that not all points are known
// to be durable, and the client is to send them again: with their own
// timestamps, that does not double them. Body is not used after the return.
func (f *Feed) Lines(ctx context.Context, c point.Category, in Lines) (points int, err error) {
	if !c.Valid() {
		return 0, fmt.Errorf("take lines: unknown %v", c)
	}
	if err := f.window.wait(ctx); err != nil {
		return 0, fmt.Errorf("wait for room: %w", err)
	}
	s, err := f.splice(c, in)
	if err != nil {
		return 0, err
	}
	for _, o := range s.outcomes {
		if err := o.wait(ctx); err != nil {
			return 0, fmt.Errorf("store points: %w", err)
		}
	}
	if s.dropped > 0 {
		f.cfg.Book.Step(func() {
			f.counts.update(func(st *Stats) {
				st.Captured += s.dropped
				st.Dropped[DroppedNoFields] += s.dropped
			})
		})
	}
	return s.points, nil
}

// splicing is a body on its way into blocks.
type splicing struct {
	blocks   []*point.Block // complete
	points   int
	dropped  int64 // lines the point rules left no field of
	outcomes []*outcome
}

// splice reads the body and sends its blocks off.
func (f *Feed) splice(c point.Category, in Lines) (*splicing, error) {
	w := f.workers.take()
	s, rest, err := f.scan(w, c, in)
	if err != nil {
		f.workers.put(w)
		return nil, err
	}
	f.gate.RLock()
	defer f.gate.RUnlock()
	if f.closed {
		f.workers.put(w)
		return nil, ErrClosed
	}
	for _, b := range s.blocks {
		o := newOutcome()
		s.outcomes = append(s.outcomes, o)
		f.busy.Add(1)
		f.window.enter()
		go f.store(b, o)
	}
	s.blocks = nil // they belong to the sink
	var full []*batch
	if rest > 0 {
		var o *outcome
		o, full = f.clients[c].join(f, c, w.raw, rest)
		s.outcomes = append(s.outcomes, o)
	}
	f.workers.put(w)
	for _, b := range full {
		go f.send(b)
	}
	return s, nil
}

// scan makes blocks of the body. The lines behind the last full block are
// left in w.raw; rest is their number.
func (f *Feed) scan(w *worker, c point.Category, in Lines) (s *splicing, rest int, err error) {
	s = &splicing{}
	var global *point.TagSet
	if !in.IgnoreGlobalTags {
		global = f.global.Load()
	}
	w.raw = w.raw[:0]
	w.scanner.Reset(in.Body, c, in.Precision)
	now := f.now()
	pack := func(size int) {
		s.blocks = append(s.blocks, w.block(c, f.cfg.Encoding, w.raw[:size], rest))
		w.raw = append(w.raw[:0], w.raw[size:]...)
		rest = 0
	}
	for w.scanner.Next() {
		before := len(w.raw)
		var ok bool
		if w.raw, ok = w.scanner.AppendLine(w.raw, global, now, f.counts.warn); !ok {
			s.dropped++
			continue
		}
		s.points++
		if before > 0 && len(w.raw) > f.cfg.MaxRaw {
			pack(before)
		}
		if rest++; rest >= f.cfg.MaxPoints || len(w.raw) >= f.cfg.MaxRaw {
			pack(len(w.raw))
		}
	}
	if err := w.scanner.Err(); err != nil {
		return nil, 0, fmt.Errorf("read line protocol: %w", err)
	}
	return s, rest, nil
}

// join adds lines to the open block of the clients and returns the outcome to
// wait for, and the blocks that are full now.
func (l *lane) join(f *Feed, c point.Category, raw []byte, points int) (*outcome, []*batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var full []*batch
	if b := l.open; b != nil && (b.points+points > f.cfg.MaxPoints || len(b.raw)+len(raw) > f.cfg.MaxRaw) {
		full = append(full, l.detach(f))
	}
	b := l.open
	if b == nil {
		b = &batch{category: c, raw: f.buffer(), stored: newOutcome()}
		l.attach(f, b)
	}
	b.raw = append(b.raw, raw...)
	b.points += points
	if b.points >= f.cfg.MaxPoints || len(b.raw) >= f.cfg.MaxRaw {
		full = append(full, l.detach(f))
	}
	return b.stored, full
}
