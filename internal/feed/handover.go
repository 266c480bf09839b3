package feed

import (
	"context"
	"sync/atomic"

	"datakit.dev/agent/internal/point"
)

// handover is the moment at which the responsibility for a block passes to
// the sink: the sink counts the block as its own and calls Accepted within one
// step of the book, so that no point is counted twice or not at all.
type handover struct {
	*Feed
	block  *point.Block
	accept func(*Stats) // moves the points between the counters
	done   atomic.Bool
}

// put offers the block to the sink. A sink that takes it without a call of
// Accepted has no counter that must move in the same step, so it is made up
// for here.
func (h *handover) put(ctx context.Context) error {
	offer := *h.block // the sink owns what it gets, even when it fails
	offer.Accepted = h.take
	err := h.cfg.Out.Put(ctx, &offer)
	if err == nil && !h.accepted() {
		h.cfg.Book.Step(h.take)
	}
	return err
}

// accepted reports whether the sink has the block. If Put failed all the same
// (the disk failed after the block was counted), the loss is the sink's to
// explain, and offering the block again would double it.
func (h *handover) accepted() bool { return h.done.Load() }

func (h *handover) take() {
	if h.done.CompareAndSwap(false, true) {
		h.counts.update(h.accept)
	}
}

// outcome tells clients what became of a block they wait for.
type outcome struct {
	done chan struct{}
	err  error // set before done is closed
}

func newOutcome() *outcome { return &outcome{done: make(chan struct{})} }

func (o *outcome) set(err error) {
	o.err = err
	close(o.done)
}

// wait returns what Put returned, or the error of ctx.
func (o *outcome) wait(ctx context.Context) error {
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
