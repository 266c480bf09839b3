package upload

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

// Poster delivers one body; [dataway.Client] is one.
type Poster interface {
	Post(ctx context.Context, c point.Category, e point.Encoding, points int, parts [][]byte) (dataway.Reply, error)
}

// Cursor reads the blocks of one category for one backend; [queue.Cursor] is
// one. All methods after Next concern the oldest entries that Next returned.
type Cursor interface {
	Next(ctx context.Context, maxBytes int) ([]queue.Entry, error)
	Ack(n int)
	Reject(n int, reason string)
	// Settle finishes one entry that was delivered in part: dropped holds
	// the points that were not, by reason.
	Settle(dropped map[string]int64)
	Rewind()
}

// DeadLetters keeps what the backend refuses; [dataway.Store] does. It is
// bounded by itself.
type DeadLetters interface {
	Write(c point.Category, e point.Encoding, points int, parts [][]byte) error
}

// Reasons for which points are dropped.
const (
	Rejected = "rejected"  // the backend will never take them: 400, 422, other 4xx
	TooLarge = "too_large" // one line is more than the backend takes: 413
	Damaged  = "damaged"   // a block that had to be split does not decode
)

// Delays bounds the time between attempts.
type Delays struct{ Min, Max time.Duration }

// Defaults of [Config].
const (
	DefaultMaxRaw    = 10 << 20
	DefaultMaxBody   = 4 << 20
	DefaultMaxPoints = 50_000
	DefaultGrace     = 5 * time.Second
)

// Config configures an [Uploader]. Backend, Post, Cursor and Categories are
// required.
type Config struct {
	Backend    string
	Post       Poster
	Cursor     func(point.Category) Cursor
	Categories []point.Category

	// Bounds of one request. A single block may exceed them.
	MaxRaw    int // bytes of line protocol
	MaxBody   int // bytes as sent
	MaxPoints int

	Retry Delays // after a passing failure; default 500 ms to 30 s
	Slow  Delays // while someone has to act; default 5 s to 1 min

	// Grace is how long requests under way may take after Run's context
	// ended.
	Grace time.Duration

	DeadLetters DeadLetters // nil: what is refused is only counted
	Log         *slog.Logger
	Random      func() float64 // in [0, 1), for jitter; nil is math/rand
}

func (c *Config) defaults() {
	for _, d := range []struct {
		value    *int
		fallback int
	}{{&c.MaxRaw, DefaultMaxRaw}, {&c.MaxBody, DefaultMaxBody}, {&c.MaxPoints, DefaultMaxPoints}} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	if c.Retry == (Delays{}) {
		c.Retry = Delays{500 * time.Millisecond, 30 * time.Second}
	}
	if c.Slow == (Delays{}) {
		c.Slow = Delays{5 * time.Second, time.Minute}
	}
	if c.Grace <= 0 {
		c.Grace = DefaultGrace
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// Uploader delivers to one backend.
type Uploader struct {
	cfg      Config
	progress *progress
}

// New returns an Uploader; nothing happens before Run.
func New(cfg Config) *Uploader {
	cfg.defaults()
	cfg.Log = cfg.Log.With("backend", cfg.Backend)
	return &Uploader{cfg, newProgress(cfg.Backend, cfg.Log)}
}

// Run delivers until ctx ends. Requests under way then have the grace time to
// finish; what is not acknowledged stays in the queue.
func (u *Uploader) Run(ctx context.Context) {
	posting, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	var workers sync.WaitGroup
	for _, c := range u.cfg.Categories {
		w := newWorker(&u.cfg, c, u.progress)
		workers.Go(func() { w.run(ctx, posting) })
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		workers.Wait()
	}()
	select {
	case <-done: // all cursors are closed
		return
	case <-ctx.Done():
	}
	select {
	case <-done:
	case <-time.After(u.cfg.Grace):
		cut(errStopping)
		<-done
	}
}

// errStopping ends the requests that outlast the grace time.
var errStopping = errors.New("agent is stopping")

// Health returns the state of the backend as a whole.
func (u *Uploader) Health() Health { return u.progress.health() }

// Stats returns the traffic by category, of those that had any.
func (u *Uploader) Stats() map[point.Category]Stats { return u.progress.stats() }
