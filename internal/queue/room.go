package queue

import (
	"context"

	"datakit.dev/agent/internal/point"
)

// reserve takes n bytes for c, waiting for them when nothing may be dropped.
func (q *Queue) reserve(ctx context.Context, c point.Category, n int64) error {
	for {
		drop := q.cfg.WhenFull == DropOldest
		if q.makeRoom(c, n, drop) {
			return nil
		}
		// From here on whoever frees bytes knows that somebody waits.
		freed := q.room.wait()
		if q.makeRoom(c, n, drop) {
			return nil
		}
		select {
		case <-freed:
		case <-ctx.Done():
			return ctx.Err()
		case <-q.closing:
			return ErrClosed
		}
	}
}

// makeRoom reserves n bytes for c. With drop set it deletes the oldest segments
// of the categories that hold the most until they fit.
func (q *Queue) makeRoom(c point.Category, n int64, drop bool) bool {
	if q.room.take(c, n) {
		return true
	}
	q.rooming.Lock()
	defer q.rooming.Unlock()
	q.collect(true)
	for !q.room.take(c, n) {
		if !drop || !q.dropOldest() {
			return false
		}
	}
	return true
}

// dropOldest deletes one segment of the category that borrows most.
func (q *Queue) dropOldest() bool {
	for _, c := range q.room.victims() {
		if q.logs[c].overrun() > 0 {
			return true
		}
	}
	return false
}
