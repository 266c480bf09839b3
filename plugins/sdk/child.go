package sdk

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"datakit.dev/agent/internal/feed"
	"datakit.dev/agent/plugins/rpc"
)

// reportEvery is how old the host's view of the counters may get while no
// block flows.
const reportEvery = 5 * time.Second

// child is the program under an agent.
type child struct {
	work
	flags []given
	host  rpc.Config

	mu         sync.Mutex
	configured bool
	collecting chan struct{} // closed when the host has opened its stream
	quit       chan struct{} // closed by Stop
	quitOnce   sync.Once
	deadline   time.Time     // of Stop
	ended      chan struct{} // closed when Collect has returned
	code       int           // exit code; set before ended is closed
}

var _ rpc.Collector = (*child)(nil)

func newChild(w work, flags []given) *child {
	return &child{work: w, flags: flags, collecting: make(chan struct{}), quit: make(chan struct{}), ended: make(chan struct{})}
}

// Describe implements [rpc.Collector].
func (c *child) Describe() rpc.Description {
	d := rpc.Description{Name: c.program.Name, Version: c.program.Version}
	for _, f := range c.program.Plugins {
		info := rpc.PluginInfo{Name: f.Name, Help: f.Help, Table: f.Table != nil, Fallback: f.Fallback}
		for _, m := range f.Spec {
			info.Measurements = append(info.Measurements, m.Name)
		}
		d.Plugins = append(d.Plugins, info)
	}
	return d
}

// Configure implements [rpc.Collector].
func (c *child) Configure(_ context.Context, cfg rpc.Config) (rpc.Configured, error) {
	r, err := c.program.resolve(cfg.Source, cfg.TOML, c.flags)
	if err != nil {
		return rpc.Configured{}, err
	}
	e := newEngine(c.program, r, c.log, c.fs)
	if err := e.check(); err != nil {
		return rpc.Configured{}, fmt.Errorf("%s: %w", cfg.Source, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.configured {
		return rpc.Configured{}, errors.New("this program has been configured already")
	}
	c.configured, c.engine, c.host = true, e, cfg
	return rpc.Configured{Plugins: append([]string{}, e.chosen...), Warnings: r.warnings}, nil
}

// Collect implements [rpc.Collector].
func (c *child) Collect(ctx context.Context, out *rpc.Outlet) error {
	defer close(c.ended)
	c.mu.Lock()
	configured := c.configured
	c.mu.Unlock()
	if !configured {
		c.code = rpc.ExitFailure
		return errors.New("collect before configure")
	}
	if err := c.start(out, c.host.Tags); err != nil {
		c.code = rpc.ExitFailure
		return err
	}
	out.SetCounters(func() rpc.Counters { return counters(c.feed) })
	close(c.collecting)

	running, cancel := context.WithCancel(ctx)
	defer cancel()
	var others sync.WaitGroup
	others.Go(func() {
		select {
		case <-c.quit:
			cancel()
		case <-running.Done():
		}
	})
	others.Go(func() { c.report(running, out) })
	exceeded := c.run(running)
	cancel()
	others.Wait()
	return c.leave(ctx, out, exceeded)
}

// leave flushes and tells the host why it is left, if it did not ask for it.
func (c *child) leave(ctx context.Context, out *rpc.Outlet, exceeded error) error {
	deadline := time.Now().Add(limitFlush)
	leaving := ""
	if exceeded != nil {
		c.code, leaving = rpc.ExitLimit, exceeded.Error()
	} else if d := c.stopBy(); !d.IsZero() {
		deadline = d
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	err := c.flush(ctx)
	if err != nil && ctx.Err() == nil {
		return err
	}
	// The last word on the counters; a host that is gone does not miss it.
	if err := out.Report(ctx, leaving); err != nil && !errors.Is(err, rpc.ErrShutdown) && ctx.Err() == nil {
		return err
	}
	return nil
}

// report keeps the host's view of the counters fresh.
func (c *child) report(ctx context.Context, out *rpc.Outlet) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := out.Report(ctx, ""); err != nil {
				return // the stream is over, which Collect sees too
			}
		}
	}
}

// Health implements [rpc.Collector].
func (c *child) Health() rpc.Health {
	c.mu.Lock()
	e := c.engine
	c.mu.Unlock()
	var h rpc.Health
	if e == nil {
		return h
	}
	h.Plugins, h.Accounts = e.states.snapshot()
	select {
	case <-c.collecting:
		c.book.View(func() { h.Counters = counters(c.feed) })
	default:
	}
	return h
}

// Stop implements [rpc.Collector].
func (c *child) Stop(ctx context.Context) (unfinished []string) {
	c.quitOnce.Do(func() {
		c.mu.Lock()
		c.deadline, _ = ctx.Deadline()
		c.mu.Unlock()
		close(c.quit)
	})
	select {
	case <-c.collecting:
	default:
		return nil // nothing runs
	}
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		if unfinished = c.engine.states.busy(); len(unfinished) == 0 {
			unfinished = []string{"feed"}
		}
		return unfinished
	}
}

func (c *child) stopBy() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deadline
}

func counters(f *feed.Feed) rpc.Counters {
	s := f.Stats()
	return rpc.Counters{
		Captured: s.Captured, Emitted: s.Emitted, Pending: s.Pending,
		Filtered: s.Filtered, Sampled: s.Sampled, Dropped: s.Dropped,
	}
}
