package httpapi

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"

	"datakit.dev/agent/internal/point"
)

// tapBuffer is how many blocks wait for a slow subscriber. A block is at most
// as large as a feed makes it, a few hundred KiB.
const tapBuffer = 64

// Tap lets programs watch the blocks on their way into the queue.
//
//	feed ── Put ──► Tap ── Put ──► queue
//	                 │ a copy, when the queue has taken the block
//	                 └─► subscription (64 blocks, drops and counts) ──► datakit tail
//
// With nobody watching it costs one atomic load per block. It never waits for
// a subscriber.
type Tap struct {
	watching atomic.Int32 // subscriptions
	dropped  atomic.Int64 // points, of all subscriptions ever

	mu   sync.Mutex
	subs map[*subscription]struct{}
}

// NewTap returns a tap without subscribers.
func NewTap() *Tap { return &Tap{subs: map[*subscription]struct{}{}} }

// Wrap returns a sink that hands every block to next and shows those that
// next took. Block.Accepted is left to next.
func (t *Tap) Wrap(next point.BlockSink) point.BlockSink { return &tapped{tap: t, next: next} }

// State tells how many watch and what they missed.
func (t *Tap) State() TailState {
	return TailState{Subscribers: int(t.watching.Load()), Dropped: t.dropped.Load()}
}

type tapped struct {
	tap  *Tap
	next point.BlockSink
}

// Put hands b on. The block belongs to next from then on, so a copy is made
// before.
func (t *tapped) Put(ctx context.Context, b *point.Block) error {
	if t.tap.watching.Load() == 0 {
		return t.next.Put(ctx, b)
	}
	seen := *b
	seen.Payload = bytes.Clone(b.Payload)
	seen.Accepted = nil
	if err := t.next.Put(ctx, b); err != nil {
		return err
	}
	t.tap.show(&seen)
	return nil
}

// subscription is one watcher.
type subscription struct {
	categories map[point.Category]bool // empty: all
	blocks     chan *point.Block
	missed     atomic.Int64 // points since the last look
}

// subscribe begins to watch; the returned function ends it.
func (t *Tap) subscribe(categories []point.Category) (*subscription, func()) {
	s := &subscription{categories: map[point.Category]bool{}, blocks: make(chan *point.Block, tapBuffer)}
	for _, c := range categories {
		s.categories[c] = true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.subs[s] = struct{}{}
	t.watching.Add(1)
	return s, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.subs, s)
		t.watching.Add(-1)
	}
}

// show hands a block to all who want it.
func (t *Tap) show(b *point.Block) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for s := range t.subs {
		if len(s.categories) > 0 && !s.categories[b.Category] {
			continue
		}
		select {
		case s.blocks <- b:
		default:
			s.missed.Add(int64(b.Points))
			t.dropped.Add(int64(b.Points))
		}
	}
}
