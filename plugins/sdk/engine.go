package sdk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"datakit.dev/agent/internal/backoff"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

// Delays before a plugin that failed is run again.
const (
	minRetry = time.Second
	maxRetry = 5 * time.Minute
)

// engine loads and runs the plugins of a program, each on its own.
type engine struct {
	program Program
	*resolved
	log    *slog.Logger
	fs     hostfs.Root
	now    func() time.Time
	states *states

	minRetry, maxRetry time.Duration

	mu     sync.Mutex
	chosen []string // plugins that run, also in the place of others
}

func newEngine(p Program, r *resolved, log *slog.Logger, fs hostfs.Root) *engine {
	e := &engine{program: p, resolved: r, log: log, fs: fs, now: time.Now, states: newStates(time.Now), minRetry: minRetry, maxRetry: maxRetry}
	for _, f := range r.factories {
		e.chosen = append(e.chosen, f.Name)
	}
	return e
}

// check builds every plugin once: what New refuses is a configuration error.
func (e *engine) check() error {
	var errs []error
	for _, f := range e.factories {
		if p, err := e.build(f); err != nil {
			errs = append(errs, fmt.Errorf("plugin %s: %w", f.Name, err))
		} else if err := p.Close(); err != nil {
			errs = append(errs, fmt.Errorf("plugin %s: close: %w", f.Name, err))
		}
	}
	return errors.Join(errs...)
}

// run runs the plugins until ctx ends and all have returned.
func (e *engine) run(ctx context.Context, out point.Sink) {
	var all sync.WaitGroup
	for _, f := range e.factories {
		e.states.set(f.Name, plugins.PhaseLoading, "", nil)
		all.Go(func() { e.keep(ctx, f, out) })
	}
	all.Wait()
}

// keep runs one plugin, and its stand-in when the machine lacks what it stands
// on. That alone is final: a network namespace that is not there yet may come.
func (e *engine) keep(ctx context.Context, f plugins.Factory, out point.Sink) {
	delays := backoff.New(e.minRetry, e.maxRetry, nil)
	for {
		began := time.Now()
		err := e.attempt(ctx, f, out)
		switch {
		case ctx.Err() != nil || err == nil:
			e.states.set(f.Name, plugins.PhaseStopped, "", nil)
			return
		case errors.Is(err, plugins.ErrNotSupported):
			e.handOver(ctx, f, err, out)
			return
		}
		delays.Ran(time.Since(began))
		delay := delays.Next()
		e.states.set(f.Name, plugins.PhaseFailed, "runs again in "+delay.Round(time.Millisecond).String(), err)
		e.log.Error("plugin failed and will be run again", "plugin", f.Name, "error", err, "delay", delay.Round(time.Millisecond))
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			e.states.set(f.Name, plugins.PhaseStopped, "", nil)
			return
		}
	}
}

// attempt is one life of a plugin.
func (e *engine) attempt(ctx context.Context, f plugins.Factory, out point.Sink) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			e.log.Error("plugin panicked", "plugin", f.Name, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	p, err := e.build(f)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := p.Close(); cerr != nil {
			e.log.Warn("plugin did not close cleanly", "plugin", f.Name, "error", cerr)
		}
	}()
	e.states.attach(f.Name, p)
	if err := p.Load(); err != nil {
		return err
	}
	e.states.set(f.Name, plugins.PhaseRunning, "", nil)
	if err = p.Run(ctx, out); err == nil && ctx.Err() == nil {
		err = errors.New("returned before it was told to")
	}
	return err
}

func (e *engine) build(f plugins.Factory) (plugins.Plugin, error) {
	return f.New(
		plugins.Config{Program: e.config, Table: e.tables[f.Name]},
		plugins.Env{Log: e.log.With("plugin", f.Name), FS: e.fs, Now: e.now, Interval: e.settings.Interval, Running: e.states.active})
}

// handOver reports a plugin that cannot be loaded and runs the one that its
// factory names instead, unless that one runs anyway.
func (e *engine) handOver(ctx context.Context, f plugins.Factory, cause error, out point.Sink) {
	standIn, ok := e.program.factory(f.Fallback)
	detail := ""
	switch {
	case f.Fallback == "":
	case !ok:
		detail = "its stand-in " + f.Fallback + " is not part of this program"
	case !e.choose(f.Fallback):
		detail = f.Fallback + " runs anyway"
	default:
		detail = f.Fallback + " stands in"
	}
	e.states.set(f.Name, plugins.PhaseFailed, detail, cause)
	e.log.Error("plugin cannot be loaded", "plugin", f.Name, "error", cause, "detail", detail)
	if ok && detail == f.Fallback+" stands in" {
		e.states.set(standIn.Name, plugins.PhaseLoading, "in the place of "+f.Name, nil)
		e.keep(ctx, standIn, out)
	}
}

// choose adds a plugin to those that run; false when it is one of them.
func (e *engine) choose(name string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if slices.Contains(e.chosen, name) {
		return false
	}
	e.chosen = append(e.chosen, name)
	return true
}
