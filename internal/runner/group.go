package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// ErrClosed is returned by Apply after Close.
var ErrClosed = errors.New("the inputs have been stopped")

// Config configures a [Group]. All durations have defaults.
type Config struct {
	Log         *slog.Logger
	Now         func() time.Time
	MinDelay    time.Duration // before the first restart; default 1s
	MaxDelay    time.Duration // default 1m
	StopTimeout time.Duration // for one input to stop; default 10s
}

// Group runs a set of jobs.
type Group struct {
	cfg Config

	apply sync.Mutex // one Apply or Close at a time

	mu     sync.Mutex
	closed bool
	tasks  []*task // in the order they were started
	left   []*task // did not stop in time; kept until they do
}

// New returns an empty group.
func New(cfg Config) *Group {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.MinDelay = or(cfg.MinDelay, time.Second)
	cfg.MaxDelay = or(cfg.MaxDelay, time.Minute)
	cfg.StopTimeout = or(cfg.StopTimeout, 10*time.Second)
	return &Group{cfg: cfg}
}

func or(d, fallback time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return fallback
}

// Change says what Apply did.
type Change struct{ Kept, Stopped, Started int }

// Apply makes jobs the set that runs: it stops what is not in it any more, in
// reverse order of start, and starts what is new. Jobs with an unchanged key
// go on undisturbed. The error names inputs that did not stop in time; a new
// job of the same input waits for them.
func (g *Group) Apply(ctx context.Context, jobs []Job) (Change, error) {
	g.apply.Lock()
	defer g.apply.Unlock()
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return Change{}, ErrClosed
	}
	fresh := slices.Clone(jobs)
	var keep, leave []*task
	for _, t := range g.tasks {
		i := slices.IndexFunc(fresh, func(j Job) bool { return j.Key == t.job.Key })
		if i < 0 {
			leave = append(leave, t)
			continue
		}
		keep = append(keep, t)
		fresh = slices.Delete(fresh, i, i+1)
	}
	g.mu.Unlock()

	err := g.stop(ctx, leave)

	g.mu.Lock()
	defer g.mu.Unlock()
	g.tasks = keep
	for _, j := range fresh {
		t := newTask(j, g.cfg)
		for _, old := range g.left {
			if old.job.Input == j.Input {
				t.after = append(t.after, old.done)
			}
		}
		t.start()
		g.tasks = append(g.tasks, t)
	}
	return Change{Kept: len(keep), Stopped: len(leave), Started: len(fresh)}, err
}

// States reports on every job, in the order of start.
func (g *Group) States() []State {
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []State
	for _, t := range slices.Concat(g.left, g.tasks) {
		all = append(all, t.snapshot())
	}
	return all
}

// Close stops all jobs in reverse order of start. The error names those that
// did not stop in time. It is idempotent.
func (g *Group) Close(ctx context.Context) error {
	g.apply.Lock()
	defer g.apply.Unlock()
	g.mu.Lock()
	tasks := g.tasks
	g.closed, g.tasks = true, nil
	g.mu.Unlock()
	return g.stop(ctx, tasks)
}

// stop stops tasks one after the other, the last one first.
func (g *Group) stop(ctx context.Context, tasks []*task) error {
	var errs []error
	for _, t := range slices.Backward(tasks) {
		t.cancel()
		timeout, cancel := context.WithTimeout(ctx, g.cfg.StopTimeout)
		select {
		case <-t.done:
		case <-timeout.Done():
			errs = append(errs, fmt.Errorf("input %s (%s) did not stop in time", t.job.Input, t.job.Place))
			t.phase(PhaseStopping)
			g.mu.Lock()
			g.left = append(g.left, t)
			g.mu.Unlock()
		}
		cancel()
	}
	g.mu.Lock()
	g.left = slices.DeleteFunc(g.left, func(t *task) bool { return t.ended() })
	g.mu.Unlock()
	return errors.Join(errs...)
}
