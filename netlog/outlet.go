package netlog

import (
	"context"
	"fmt"
	"sync/atomic"

	"datakit.dev/agent/internal/point"
)

// outlet takes log points from the captures to the sink, so that a slow sink
// never holds up a capture: when it is full, points are dropped and counted.
//
//	captures ── batches ──► queue ──► Feed
type outlet struct {
	queue chan []point.Point

	taken, fed      atomic.Int64 // points
	dropped, failed atomic.Int64 // those there was no room for; those the sink did not take
}

// outletBatches bounds the queue; a batch is what one block of a ring gave.
const outletBatches = 256

func newOutlet() *outlet { return &outlet{queue: make(chan []point.Point, outletBatches)} }

// put hands over a batch. It does not block.
func (o *outlet) put(batch []point.Point) {
	n := int64(len(batch))
	if n == 0 {
		return
	}
	o.taken.Add(n)
	select {
	case o.queue <- batch:
	default:
		o.dropped.Add(n)
	}
}

// run feeds until the queue is closed. After an error what still comes is
// dropped.
func (o *outlet) run(ctx context.Context, out point.Sink) (err error) {
	for batch := range o.queue {
		n := int64(len(batch))
		if err == nil {
			if err = out.Feed(ctx, point.Logging, batch); err == nil {
				o.fed.Add(n)
				continue
			}
			err = fmt.Errorf("feed logs: %w", err)
		}
		o.failed.Add(n)
	}
	return err
}

// close ends the queue; nobody may put any more.
func (o *outlet) close() { close(o.queue) }
