package upload

import (
	"context"

	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

// splitter delivers a block that is too large for the backend in parts.
type splitter struct {
	*worker
	block   *point.Block
	body    []byte           // its lines
	starts  []int            // where they begin, and the end of the last
	dropped map[string]int64 // points by reason
}

// split delivers an entry that the backend finds too large (cause) in halves
// of its lines, which are halved again where needed. A single line that is too
// large becomes a dead letter. Failures are waited out in place: the entry is
// settled as a whole, so that its points are counted once. It returns false
// when ctx ended before; the entry then stays in the queue.
func (w *worker) split(ctx, posting context.Context, e *queue.Entry, cause error) bool {
	s := &splitter{worker: w, block: &e.Block, dropped: map[string]int64{}}
	var err error
	if s.body, s.starts, err = lines(&e.Block); err != nil {
		w.bury(&e.Block, e.Points, Damaged, err)
		w.cursor.Reject(1, Damaged)
		return true
	}
	if !s.halves(ctx, posting, 0, len(s.starts)-1, cause) {
		return false
	}
	w.cursor.Settle(s.dropped)
	return true
}

// halves delivers the lines [from, to), which are too large together.
func (s *splitter) halves(ctx, posting context.Context, from, to int, cause error) bool {
	if to-from <= 1 {
		s.bury(s.cut(from, to), 1, TooLarge, cause)
		s.dropped[TooLarge]++
		return true
	}
	middle := from + (to-from)/2
	return s.part(ctx, posting, from, middle) && s.part(ctx, posting, middle, to)
}

// part delivers the lines [from, to).
func (s *splitter) part(ctx, posting context.Context, from, to int) bool {
	b := s.cut(from, to)
	reply, err := s.insist(ctx, posting, b)
	switch reply.Verdict {
	case dataway.Done:
	case dataway.TooLarge:
		return s.halves(ctx, posting, from, to, err)
	case dataway.Bad:
		s.dropped[Rejected] += int64(s.refused(b, reply, err))
	default:
		return false
	}
	return true
}

// cut returns a block of the lines [from, to).
func (s *splitter) cut(from, to int) *point.Block {
	return encode(s.block, s.body[s.starts[from]:s.starts[to]], to-from)
}

// insist posts b until the backend takes or refuses it. A verdict of Retry or
// Slow means that ctx ended.
func (w *worker) insist(ctx, posting context.Context, b *point.Block) (dataway.Reply, error) {
	var r request
	r.add(b)
	for {
		reply, err := w.post(posting, r)
		if reply.Verdict != dataway.Retry && reply.Verdict != dataway.Slow || ctx.Err() != nil {
			return reply, err
		}
		w.pause(ctx, reply, err)
	}
}
