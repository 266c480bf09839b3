package feed

import (
	"context"
	"errors"
	"time"

	"datakit.dev/agent/internal/backoff"
	"datakit.dev/agent/internal/point"
)

// How long the feed waits before it offers a block again.
const (
	minRetry = 50 * time.Millisecond
	maxRetry = 5 * time.Second
)

// pack compresses a detached batch.
func (f *Feed) pack(b *batch) *point.Block {
	w := f.workers.take()
	defer f.workers.put(w)
	block := w.block(b.category, f.cfg.Encoding, b.raw, b.points)
	f.release(b.raw)
	return block
}

// send compresses a detached batch and hands it over.
func (f *Feed) send(b *batch) {
	if b.stored == nil {
		f.handOver(f.pack(b))
		return
	}
	f.store(f.pack(b), b.stored)
}

// handOver offers a block of collectors until the sink takes it, or until the
// feed has to give up. It ends the block's stay in the window.
func (f *Feed) handOver(b *point.Block) {
	defer f.busy.Done()
	defer f.window.leave()
	points := int64(b.Points)
	h := handover{Feed: f, block: b, accept: func(s *Stats) {
		s.Pending -= points
		s.Emitted += points
	}}
	delays := backoff.New(minRetry, maxRetry, nil)
	for {
		err := h.put(f.life)
		if err == nil || h.accepted() {
			f.report(nil)
			return
		}
		if errors.Is(err, point.ErrRefused) {
			f.cfg.Log.Error("a block was refused for good", "points", b.Points, "err", err)
			f.drop(points, DroppedRefused)
			return
		}
		f.report(err)
		if !sleep(f.life, delays.Next()) {
			f.drop(points, DroppedShutdown)
			return
		}
	}
}

// store offers a block of clients once and tells them the outcome.
func (f *Feed) store(b *point.Block, stored *outcome) {
	defer f.busy.Done()
	defer f.window.leave()
	points := int64(b.Points)
	h := handover{Feed: f, block: b, accept: func(s *Stats) {
		s.Captured += points
		s.Emitted += points
	}}
	stored.set(h.put(f.life))
}

// drop counts points the sink will not get.
func (f *Feed) drop(points int64, reason string) {
	f.cfg.Book.Step(func() {
		f.counts.update(func(s *Stats) {
			s.Pending -= points
			s.Dropped[reason] += points
		})
	})
}

// report logs when the sink begins to fail and when it works again.
func (f *Feed) report(err error) {
	switch {
	case err == nil && f.failing.CompareAndSwap(true, false):
		f.cfg.Log.Info("blocks are taken again")
	case err != nil && f.failing.CompareAndSwap(false, true):
		f.cfg.Log.Warn("cannot hand over a block, trying again", "err", err)
	}
}

// sleep reports false when ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
