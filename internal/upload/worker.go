package upload

import (
	"context"
	"errors"
	"time"

	"datakit.dev/agent/internal/backoff"
	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

// shrunkFor is how long a worker remembers that a body was too large.
const shrunkFor = time.Hour

// worker delivers one category.
type worker struct {
	cfg      *Config
	category point.Category
	cursor   Cursor
	progress *progress

	retry, slow *backoff.Backoff
	maxBody     int       // cfg.MaxBody, or less after a 413 or a timeout
	shrunk      time.Time // when maxBody was last lowered
	single      int       // entries to post one by one: one of them is bad
}

func newWorker(cfg *Config, c point.Category, p *progress) *worker {
	return &worker{
		cfg: cfg, category: c, cursor: cfg.Cursor(c), progress: p,
		retry:   backoff.New(cfg.Retry.Min, cfg.Retry.Max, cfg.Random),
		slow:    backoff.New(cfg.Slow.Min, cfg.Slow.Max, cfg.Random),
		maxBody: cfg.MaxBody,
	}
}

// run delivers until ctx ends or the cursor is closed; posting is the context
// of the requests.
func (w *worker) run(ctx, posting context.Context) {
	defer w.cursor.Rewind() // a later worker begins where this one ended
	for ctx.Err() == nil {
		entries, err := w.cursor.Next(ctx, w.maxBody)
		switch {
		case err == nil:
			w.deliver(ctx, posting, entries)
		case errors.Is(err, queue.ErrClosed):
			return
		case ctx.Err() == nil:
			w.pause(ctx, dataway.Reply{}, err)
		}
	}
}

// deliver posts the entries in one or several requests. It returns when all
// are settled, or when the rest has to wait: it is then back in the queue.
func (w *worker) deliver(ctx, posting context.Context, entries []queue.Entry) {
	for len(entries) > 0 && ctx.Err() == nil {
		r := w.merge(entries)
		n := len(r.parts)
		reply, err := w.post(posting, r)
		switch {
		case posting.Err() != nil && reply.Verdict != dataway.Done:
			return
		case reply.Verdict == dataway.Done:
			w.cursor.Ack(n)
		case reply.Verdict == dataway.TooLarge && n > 1:
			w.shrink(r)
			continue
		case reply.Verdict == dataway.Bad && n > 1:
			w.single = n
			continue
		case reply.Verdict == dataway.TooLarge:
			if !w.split(ctx, posting, &entries[0], err) {
				return
			}
		case reply.Verdict == dataway.Bad:
			w.cursor.Settle(map[string]int64{Rejected: int64(w.refused(&entries[0].Block, reply, err))})
		default:
			if n > 1 && errors.Is(err, context.DeadlineExceeded) {
				w.shrink(r) // the way is too slow for such a body
			}
			w.cursor.Rewind()
			w.pause(ctx, reply, err)
			return
		}
		entries = entries[n:]
		w.single = max(w.single-n, 0)
	}
}

// shrink makes later bodies at most half as large as one that did not get
// through.
func (w *worker) shrink(r request) { w.maxBody, w.shrunk = r.bytes/2, time.Now() }

// post makes one attempt and takes note of it.
func (w *worker) post(posting context.Context, r request) (dataway.Reply, error) {
	w.progress.begin(w.category, r)
	reply, err := w.cfg.Post.Post(posting, w.category, r.encoding, r.points, r.parts)
	w.progress.end(w.category, r, reply)
	if reply.Verdict == dataway.Done {
		w.retry.Reset()
		w.slow.Reset()
	}
	return reply, err
}

// pause takes note of a failure and waits until the next attempt.
func (w *worker) pause(ctx context.Context, reply dataway.Reply, err error) {
	var delay time.Duration
	if reply.Verdict == dataway.Slow {
		delay = w.slow.Next()
	} else {
		delay = max(w.retry.Next(), reply.After)
	}
	w.progress.fail(w.category, reply, err, delay)
	t := time.NewTimer(delay)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
