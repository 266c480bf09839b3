// Package container collects what containers use and what they log, from the
// runtimes that say which there are, from the files of their cgroups and from
// their log files.
//
//	sockets ──► runtimes ──► containers ──┬───────► logs ──► log files ──► points, each block acknowledged
//	cgroup files, /proc/<pid>/net ────────┴► points of docker_containers
package container

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/container/cgroup"
	"datakit.dev/agent/plugins/container/logs"
	"datakit.dev/agent/plugins/container/runtimes"
)

// Name is the name of the plugin.
const Name = "container"

// Factory describes the plugin.
func Factory() plugins.Factory {
	return plugins.Factory{
		Name: Name, Help: "CPU, memory, block I/O and network of running containers, the containers as objects, and their logs.",
		Spec: Spec(),
		New: func(cfg plugins.Config, env plugins.Env) (plugins.Plugin, error) {
			return build(cfg.Program.(*plugins.Container), env)
		},
	}
}

// plugin is the collector.
type plugin struct {
	cfg   *plugins.Container
	env   plugins.Env
	set   *runtimes.Set
	meter meter
	logs  *logs.Follower // nil when switched off
	rules logRules

	selecting *selecting // nil: everything

	mu      sync.Mutex
	problem string // what the last discovery met, logged when it changes
	found   int    // containers that run
}

func build(cfg *plugins.Container, env plugins.Env) (*plugin, error) {
	for _, e := range cfg.Endpoints {
		if _, err := runtimes.Socket(e); err != nil {
			return nil, fmt.Errorf("endpoints: %w", err)
		}
	}
	p := &plugin{
		cfg: cfg, env: env, set: runtimes.NewSet(env.FS, cfg.Endpoints),
		meter: meter{read: cgroup.NewReader(env.FS), now: env.Now},
	}
	var err error
	if p.rules, err = parseRules(cfg.ContainerIncludeLog, cfg.ContainerExcludeLog); err != nil {
		return nil, err
	}
	if !cfg.All() {
		p.selecting = &selecting{lists: cfg.Selection()}
	}
	if cfg.EnableContainerLog {
		p.logs = logs.New(logs.Config{
			Dir: cfg.StateDir, FromStart: cfg.LoggingFileFromBeginning, Multiline: cfg.LoggingAutoMultilineDetection,
			Strip: cfg.LoggingRemoveANSIEscapeCodes, MaxEntry: cfg.LoggingMaxEntry, MaxFiles: cfg.LoggingMaxOpenFiles,
			Now: env.Now, Log: env.Log,
		})
	}
	return p, nil
}

// Load implements [plugins.Plugin]. A host without a runtime is no failure:
// one may be started at any time.
func (p *plugin) Load() error {
	host, err := readMachine(p.env.FS)
	if err != nil {
		return fmt.Errorf("look at the host: %w", err)
	}
	p.meter.host = host
	return nil
}

// Run implements [plugins.Plugin]: logs are followed while the runtimes are
// asked what there is.
func (p *plugin) Run(ctx context.Context, out plugins.Sink) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	followed := make(chan error, 1)
	if p.logs == nil {
		close(followed)
	} else {
		durable, ok := out.(plugins.Storer)
		if !ok {
			return errors.New("follow logs: the sink cannot say when points are durable")
		}
		go func() {
			defer cancel()
			followed <- p.logs.Run(ctx, durable)
		}()
	}
	if p.selecting != nil {
		p.selecting.next, out = out, p.selecting
	}
	err := p.watch(ctx, out)
	cancel()
	return errors.Join(err, <-followed)
}

// watch gathers at once, and later on the grid of the intervals, so that hosts
// agree on the times.
func (p *plugin) watch(ctx context.Context, out plugins.Sink) error {
	all := [...]schedule{
		{every: p.cfg.Interval, off: !p.cfg.EnableContainerMetric}, {every: p.cfg.ObjectInterval}, {every: p.cfg.LoggingSearchInterval, off: p.logs == nil},
	}
	for {
		now := p.env.Now()
		due := work{metrics: all[0].due(now), objects: all[1].due(now), logs: all[2].due(now)}
		if err := p.gather(ctx, out, now, due); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		wait := p.cfg.ObjectInterval
		for _, s := range all {
			if !s.off {
				wait = min(wait, s.next(p.env.Now()))
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
	}
}

// work is what is due.
type work struct{ metrics, objects, logs bool }

// gather collects once. An error is that of the sink; what a runtime or a
// container fails with is reported and does not stop the others.
func (p *plugin) gather(ctx context.Context, out plugins.Sink, now time.Time, due work) error {
	if due == (work{}) {
		return nil
	}
	all, answered, err := p.set.List(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if p.logs != nil && answered > 0 {
		p.logs.Update(p.sources(all), err == nil)
	}
	if err := out.Feed(ctx, plugins.KeyEvent, killed(all)); err != nil {
		return err
	}
	if !due.metrics && !due.objects {
		p.report(err, answered)
		return nil
	}
	var metrics, objects []plugins.Point
	running := 0
	p.meter.begin()
	for _, c := range all {
		if !c.Running || c.PID == 0 {
			continue
		}
		fields, ok, ferr := p.meter.fields(c)
		if !ok {
			continue
		}
		if ferr != nil && err == nil {
			err = fmt.Errorf("container %s: %w", c.ID, ferr)
		}
		running++
		if due.metrics {
			metrics = append(metrics, metricPoint(c, fields, now))
		}
		if due.objects {
			objects = append(objects, objectPoint(c, fields, now))
		}
	}
	p.meter.end()
	p.mu.Lock()
	p.found = running
	p.mu.Unlock()
	p.report(err, answered)
	if err := out.Feed(ctx, plugins.Metric, metrics); err != nil {
		return err
	}
	return out.Feed(ctx, plugins.Object, objects)
}

// report logs what is wrong, once for as long as it is the same.
func (p *plugin) report(err error, answered int) {
	problem := ""
	switch {
	case err != nil:
		problem = err.Error()
	case answered == 0:
		problem = "no container runtime found"
	}
	p.mu.Lock()
	changed := problem != p.problem
	p.problem = problem
	p.mu.Unlock()
	if changed && problem != "" {
		p.env.Log.Warn("containers are not seen completely", "problem", problem, "endpoints", p.cfg.Endpoints)
	} else if changed {
		p.env.Log.Info("container runtimes answer", "sockets", p.set.Sockets())
	}
}

// Hooks implements [plugins.Inspector].
func (p *plugin) Hooks() []plugins.Hook {
	p.mu.Lock()
	defer p.mu.Unlock()
	hooks := []plugins.Hook{}
	for _, s := range p.set.Sockets() {
		hooks = append(hooks, plugins.Hook{Feature: "containers", Attach: s, Rung: 1, OK: true, Reason: fmt.Sprintf("%d running", p.found)})
	}
	if p.logs != nil {
		s := p.logs.Stats()
		hooks = append(hooks, plugins.Hook{Feature: "logs", Attach: "files of the runtimes", Rung: 1, OK: s.Refused == 0, Reason: fmt.Sprintf(
			"%d followed, %d beyond logging_max_open_files, %d lines, %d malformed, %d bytes cut off, %d files gone too early", s.Files, s.Refused, s.Lines, s.Malformed, s.Truncated, s.Missed)})
	}
	if p.problem != "" {
		hooks = append(hooks, plugins.Hook{Feature: "containers", Attach: "runtimes", Rung: 1, Reason: p.problem})
	}
	return hooks
}

// Close implements [plugins.Plugin].
func (p *plugin) Close() error { return p.set.Close() }

// schedule says when something is due: at first, then at every multiple of
// its period.
type schedule struct {
	every time.Duration
	off   bool
	last  time.Time
}

// due reports whether it is due, and notes that it is done.
func (s *schedule) due(now time.Time) bool {
	if s.off || !s.last.IsZero() && now.Truncate(s.every).Equal(s.last.Truncate(s.every)) {
		return false
	}
	s.last = now
	return true
}

// next is how long it takes until it is due again.
func (s *schedule) next(now time.Time) time.Duration {
	return now.Truncate(s.every).Add(s.every).Sub(now)
}

// labels returns those of a container, without the bulk of some annotations.
func labels(c runtimes.Container) map[string]string {
	short := maps.Clone(c.Labels)
	maps.DeleteFunc(short, func(_, v string) bool { return len(v) > 1024 })
	return short
}
