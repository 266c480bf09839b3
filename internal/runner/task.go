package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/backoff"
	"datakit.dev/agent/internal/point"
)

// task runs one job in one goroutine, which closes done when it ends.
type task struct {
	job   Job
	cfg   Config
	log   *slog.Logger
	after []<-chan struct{} // predecessors that have to end first

	cancel context.CancelFunc
	done   chan struct{}

	mu    sync.Mutex
	state State
}

// errFinal is wrapped by errors that another attempt would not cure.
var errFinal = errors.New("cannot run")

func newTask(j Job, cfg Config) *task {
	if j.Interval <= 0 {
		j.Interval = time.Minute
	}
	return &task{
		job: j, cfg: cfg, done: make(chan struct{}),
		log:   cfg.Log.With("input", j.Input),
		state: State{Input: j.Input, Place: j.Place, Phase: PhaseWaiting, Since: cfg.Now()},
	}
}

func (t *task) start() {
	ctx, cancel := context.WithCancel(context.Background())
	t.cancel = cancel
	go func() {
		defer close(t.done)
		defer cancel()
		t.run(ctx)
	}()
}

func (t *task) ended() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// run attempts the job until it is done, final, or told to stop.
func (t *task) run(ctx context.Context) {
	for _, done := range t.after {
		select {
		case <-done:
		case <-ctx.Done():
			t.phase(PhaseStopped)
			return
		}
	}
	delays := backoff.New(t.cfg.MinDelay, t.cfg.MaxDelay, nil)
	for {
		t.phase(PhaseRunning)
		began := time.Now() // monotonic: a jump of the wall clock is no run time
		err := t.attempt(ctx)
		switch {
		case errors.Is(err, errFinal):
			t.failed(err)
			t.phase(PhaseFailed)
			t.log.Error("input cannot run", "place", t.job.Place, "error", err)
			return
		case ctx.Err() != nil:
			t.phase(PhaseStopped)
			return
		case err == nil:
			t.phase(PhaseDone)
			return
		}
		delays.Ran(time.Since(began))
		delay := delays.Next()
		t.restarting(err)
		t.log.Error("input failed and will be run again", "error", err, "delay", delay.Round(time.Millisecond))
		if !sleep(ctx, delay) {
			t.phase(PhaseStopped)
			return
		}
	}
}

// attempt builds the input and runs it once. A panic is an error.
func (t *task) attempt(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			t.log.Error("input panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	built, err := t.job.New(t.report)
	if err != nil {
		return fmt.Errorf("%w: %w", errFinal, err)
	}
	out := &countingSink{next: t.job.Out, task: t}
	switch in := built.(type) {
	case inputs.Runner:
		return in.Run(ctx, out)
	case inputs.Input:
		t.poll(ctx, in, out)
		return nil
	}
	return fmt.Errorf("%w: %T is neither an Input nor a Runner", errFinal, built)
}

// countingSink counts the points of one job.
type countingSink struct {
	next point.Sink
	task *task
}

func (s *countingSink) Feed(ctx context.Context, c point.Category, pts []point.Point) error {
	n := len(pts)
	err := s.next.Feed(ctx, c, pts)
	if err == nil {
		s.task.update(func(st *State) { st.Points += int64(n) })
	}
	return err
}

// sleep waits for d; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
