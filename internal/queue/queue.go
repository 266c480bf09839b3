package queue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"

	"datakit.dev/agent/internal/point"
)

// Queue is an open queue. Its methods are safe for concurrent use.
type Queue struct {
	*shared
	lock *os.File
	logs [point.Security + 1]*journal // by category; 0 is unused

	rooming  sync.Mutex // one at a time makes room
	backends sync.Mutex // one at a time changes the backends

	closing chan struct{}
	workers sync.WaitGroup
	once    sync.Once
	err     error // of Close
}

// Put stores b for all backends. When the bound is reached it does what
// [Config.WhenFull] says. An error means that nothing of b is stored and b is
// still the caller's; [ErrStorage] and ErrClosed are worth another try, with
// this queue or the next, [ErrTooLarge] is not.
func (q *Queue) Put(ctx context.Context, b *point.Block) error {
	return q.put(ctx, b, q.reserve)
}

// Offer returns a sink that is like Put but neither drops nor waits when the
// bound is reached: it returns [ErrFull].
func (q *Queue) Offer() point.BlockSink { return offer{q} }

type offer struct{ q *Queue }

func (o offer) Put(ctx context.Context, b *point.Block) error {
	return o.q.put(ctx, b, func(_ context.Context, c point.Category, n int64) error {
		if !o.q.makeRoom(c, n, false) {
			return ErrFull
		}
		return nil
	})
}

// Full reports whether the common part of the bound is used up. A category
// that holds less than its own share is accepted even then.
func (q *Queue) Full() bool { return q.room.full() }

func (q *Queue) put(ctx context.Context, b *point.Block, reserve func(context.Context, point.Category, int64) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	size := headerSize + int64(len(b.Payload))
	switch {
	case !b.Category.Valid():
		return fmt.Errorf("put block: %s is no category", b.Category)
	case b.Points < 0 || b.Points > math.MaxInt32 || b.RawBytes < 0 || b.RawBytes > math.MaxUint32:
		return fmt.Errorf("put block: %d points in %d bytes are out of range", b.Points, b.RawBytes)
	case len(b.Payload) > maxPayload || size > q.room.largest():
		return fmt.Errorf("put block of %d bytes: %w: at most %d", len(b.Payload), ErrTooLarge, min(maxPayload, q.room.largest()-headerSize))
	}
	if err := reserve(ctx, b.Category, size); err != nil {
		return err
	}
	if err := q.logs[b.Category].put(b); err != nil {
		q.room.give(b.Category, size)
		return err
	}
	if q.room.pressed() {
		q.room.nudge()
	}
	return nil
}

// Cursor returns the cursor of a backend in the log of a category; nil if
// there is none.
func (q *Queue) Cursor(backend string, c point.Category) *Cursor {
	if !c.Valid() {
		return nil
	}
	j := q.logs[c]
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cursors[backend]
}

// Close syncs everything and releases the lock. Calls of Put and Next that
// wait return [ErrClosed].
func (q *Queue) Close() error {
	q.once.Do(func() {
		close(q.closing)
		q.workers.Wait()
		for _, j := range q.logs {
			if j != nil {
				q.err = errors.Join(q.err, j.close())
			}
		}
		q.err = errors.Join(q.err, unlock(q.lock))
	})
	return q.err
}

func (q *Queue) collect(all bool) {
	for _, c := range point.Categories() {
		q.logs[c].collect(all)
	}
}
