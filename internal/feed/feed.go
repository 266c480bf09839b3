// Package feed turns points into blocks: it adds the global tags, asks the
// filter, encodes each point once, gathers points of one category, compresses
// and hands the block over. It is linked into the host and into every
// external, so that nothing behind it looks at a point again.
//
//	collectors ── Feed ──► encode ──┐  open block,   full, or    ┌► Put, again until taken
//	                                ├► one for each ──────────► compress
//	clients ───── Lines ─► splice ──┘  category      lingered    └► Put once, then answer
//
// The two kinds of producers do not share blocks. A collector hands its points
// over and goes on: from then on the feed is responsible, counts the points as
// pending and tries until the sink takes them. A client waits until its points
// are durable; when that fails it is told so, and nothing was captured.
package feed

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"datakit.dev/agent/internal/point"
)

// ErrClosed is returned for points that come after Close.
var ErrClosed = errors.New("feed is closed")

// grace is how long Close waits, after its deadline, for calls of Put that
// have been told to stop.
const grace = time.Second

// Feed is a [point.Sink]. It is safe for concurrent use.
type Feed struct {
	cfg     Config
	global  atomic.Pointer[point.TagSet]
	counts  *counters
	window  window
	workers workers
	buffers sync.Pool // *[]byte, for the lines of open blocks

	own     [point.Security + 1]lane // by category
	clients [point.Security + 1]lane
	stores  [point.Security + 1]lane // of Store; never open

	gate   sync.RWMutex // held for reading while points are taken
	closed bool

	// busy counts blocks under way and armed timers. life ends when they
	// have to give up; it is the context of the goroutines that outlive the
	// call that started them.
	busy    sync.WaitGroup
	life    context.Context
	giveUp  context.CancelFunc
	drained chan struct{} // closed when Close has nothing left to wait for
	failing atomic.Bool   // the last Put of a collector's block failed; for one log line per change
}

// New returns a feed. It has no goroutines until points come.
func New(cfg Config) (*Feed, error) {
	if err := cfg.normalise(); err != nil {
		return nil, fmt.Errorf("feed %s: %w", cfg.Name, err)
	}
	f := &Feed{
		cfg: cfg, counts: &counters{s: newStats()}, window: window{limit: cfg.Window},
		drained: make(chan struct{}),
	}
	f.workers = newWorkers(runtime.GOMAXPROCS(0), func() *worker { return newWorker(cfg.Encoding, cfg.Level) })
	f.life, f.giveUp = context.WithCancel(context.Background())
	f.SetTags(cfg.Tags)
	return f, nil
}

// SetTags replaces the global tags; points already taken keep the old ones.
func (f *Feed) SetTags(tags map[string]string) {
	f.global.Store(point.NewTagSet(tags, f.counts.warn))
}

// Stats returns the counters.
func (f *Feed) Stats() Stats { return f.counts.snapshot() }

// Feed takes pts, all or none. It waits while as many blocks as the window
// allows are with the sink, and then returns an error when ctx ends; points
// were not taken only if it returns an error. Points without a time get the
// present, twins the next nanosecond.
func (f *Feed) Feed(ctx context.Context, c point.Category, pts []point.Point) error {
	if !c.Valid() {
		return fmt.Errorf("feed points: unknown %v", c)
	}
	if len(pts) == 0 {
		return nil
	}
	if err := f.window.wait(ctx); err != nil {
		return fmt.Errorf("wait for room: %w", err)
	}
	f.gate.RLock()
	defer f.gate.RUnlock()
	if f.closed {
		return ErrClosed
	}
	for len(pts) > 0 {
		var full *batch
		full, pts = f.own[c].takePoints(f, c, pts)
		if full != nil {
			// Compressed here, so that no more lines than one block
			// lie about for each collector; handed over behind its back.
			block := f.pack(full)
			go f.handOver(block)
		}
	}
	return nil
}

// Close sends what is open and waits until the sink has taken it, or until
// ctx ends; what the sink has not taken then is dropped and counted. The sink
// must still work. Calls after the first wait with it.
func (f *Feed) Close(ctx context.Context) error {
	f.gate.Lock()
	first := !f.closed
	f.closed = true
	f.gate.Unlock()
	if first {
		f.flushAll()
		go func() {
			f.busy.Wait()
			f.giveUp()
			close(f.drained)
		}()
	}
	select {
	case <-f.drained:
		return nil
	case <-ctx.Done():
	}
	f.giveUp()
	select {
	case <-f.drained: // what was dropped is counted now
	case <-time.After(grace):
	}
	return fmt.Errorf("flush feed %s: %w", f.cfg.Name, ctx.Err())
}

func (f *Feed) flushAll() {
	for _, lanes := range []*[point.Security + 1]lane{&f.own, &f.clients} {
		for i := range lanes {
			if b := lanes[i].cut(f); b != nil {
				go f.send(b)
			}
		}
	}
}

// now is the time for points that have none.
func (f *Feed) now() int64 { return f.cfg.Now().UnixNano() }

// buffer returns an empty buffer for lines.
func (f *Feed) buffer() []byte {
	if b, ok := f.buffers.Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return nil
}

func (f *Feed) release(buffer []byte) {
	if cap(buffer) <= maxKept {
		f.buffers.Put(&buffer)
	}
}

// linger is how long an open block waits for more points.
func (f *Feed) linger(l *lane, b *batch) *time.Timer {
	f.busy.Add(1)
	return time.AfterFunc(f.cfg.Linger, func() {
		defer f.busy.Done()
		if l.cutIf(f, b) {
			f.send(b)
		}
	})
}
