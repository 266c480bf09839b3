// Package container collects what containers use, from the runtimes that say
// which there are and from the files of their cgroups.
//
//	sockets ──► runtimes ──► containers ──┐
//	cgroup files, /proc/<pid>/net ────────┴► points of docker_containers
package container

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/container/cgroup"
	"datakit.dev/agent/plugins/container/runtimes"
)

// Name is the name of the plugin.
const Name = "container"

// Factory describes the plugin.
func Factory() plugins.Factory {
	return plugins.Factory{
		Name: Name, Help: "CPU, memory, block I/O and network of running containers, and the containers as objects.",
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
	return &plugin{
		cfg: cfg, env: env, set: runtimes.NewSet(env.FS, cfg.Endpoints),
		meter: meter{read: cgroup.NewReader(env.FS), now: env.Now},
	}, nil
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

// Run implements [plugins.Plugin]: a first gather at once, later ones on the
// grid of the interval, so that hosts agree on the times.
func (p *plugin) Run(ctx context.Context, out plugins.Sink) error {
	metrics := schedule{every: p.cfg.Interval, off: !p.cfg.EnableContainerMetric}
	objects := schedule{every: p.cfg.ObjectInterval}
	for {
		now := p.env.Now()
		if err := p.gather(ctx, out, now, metrics.due(now), objects.due(now)); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		wait := objects.next(p.env.Now())
		if !metrics.off {
			wait = min(wait, metrics.next(p.env.Now()))
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

// gather collects once. An error is that of the sink; what a runtime or a
// container fails with is reported and does not stop the others.
func (p *plugin) gather(ctx context.Context, out plugins.Sink, now time.Time, metric, object bool) error {
	if !metric && !object {
		return nil
	}
	all, answered, err := p.set.List(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
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
		if metric {
			metrics = append(metrics, metricPoint(c, fields, now))
		}
		if object {
			objects = append(objects, objectPoint(c, fields, now))
		}
	}
	p.meter.end()
	p.report(err, answered, running)
	if err := out.Feed(ctx, plugins.Metric, metrics); err != nil {
		return err
	}
	return out.Feed(ctx, plugins.Object, objects)
}

// report logs what is wrong, once for as long as it is the same.
func (p *plugin) report(err error, answered, running int) {
	problem := ""
	switch {
	case err != nil:
		problem = err.Error()
	case answered == 0:
		problem = "no container runtime found"
	}
	p.mu.Lock()
	changed := problem != p.problem
	p.problem, p.found = problem, running
	p.mu.Unlock()
	if changed && problem != "" {
		p.env.Log.Warn("containers are not seen completely", "problem", problem, "endpoints", p.cfg.Endpoints)
	} else if changed {
		p.env.Log.Info("container runtimes answer", "sockets", p.set.Sockets(), "running", running)
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
