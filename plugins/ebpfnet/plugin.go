package ebpfnet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/domains"
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/ebpfnet/tls"
)

// Plugin is ebpf-net. Load, Run and Close follow each other; Hooks and
// Accounts may be called at any time.
type Plugin struct {
	cfg *plugins.EBPF
	env plugins.Env

	agg        *flow.Aggregator
	containers *containerFinder // nil unless container_id is set
	netnsDev   uint64

	ringBytes uint32 // 0: as compiled

	cgroups *os.File // a cgroup v2 mount of our own, where the host has none

	processes *processes
	plaintext *tls.Tracer   // nil until Load, or when httpflow-tls is not wanted
	apps      *applications // nil when nothing is wanted of packets
	tracer    *tracer       // nil until Load, or when nothing is to be traced
	conns     *conntable
	ended     int64 // records of ended connections that were reported
	hooks     atomic.Pointer[[]plugins.Hook]
	accounts  atomic.Pointer[[]ledger.Account]
	closing   sync.Once
	closeErr  error
}

func newPlugin(cfg plugins.Config, env plugins.Env) (*Plugin, error) {
	c, ok := cfg.Program.(*plugins.EBPF)
	if !ok {
		return nil, fmt.Errorf("configure %s: want *plugins.EBPF, got %T", Name, cfg.Program)
	}
	sampler, err := flow.ParseSampling(c.SamplingRate, c.SamplingRatePtsPerMin, env.Now())
	if err != nil {
		return nil, err
	}
	if c.MaxConnections < 1 || c.MaxConnections > maxConnections {
		return nil, fmt.Errorf("max_connections %d: want 1 to %d", c.MaxConnections, maxConnections)
	}
	cache := domains.New(domains.Config{Now: env.Now})
	shared := flow.Config{
		EphemeralPort: c.EphemeralPort, MaxFlows: c.MaxFlows,
		IncludeLoopback: c.IncludeLoopback, ContainerID: c.ContainerID,
		Sampler: sampler, Domains: cache,
	}
	p := &Plugin{cfg: c, env: env, conns: newConntable(), agg: flow.New(shared), processes: newProcesses(env)}
	if p.apps, err = newApplications(c, shared, cache); err != nil {
		return nil, err
	}
	if c.ContainerID {
		p.containers = newContainerFinder(env, p.processes.table)
	}
	return p, nil
}

// maxConnections bounds what the kernel is asked to set aside: about 250
// bytes per connection.
const maxConnections = 4 << 20

// Load attaches the programs and enters what is open already. A scope that
// does not exist is an error of its own; a kernel that can neither follow
// connections nor show packets, as far as they are wanted, or that refuses a
// program gives [plugins.ErrNotSupported].
func (p *Plugin) Load() error {
	mount, err := p.mountCgroups()
	if err != nil {
		return err
	}
	scope, err := bpf.ResolveScope(p.cfg.ScopeNetns, p.cfg.ScopeCgroups, mount)
	if err != nil {
		return err
	}
	if p.netnsDev, _, err = bpf.OwnNetns(); err != nil {
		return err
	}
	err = p.loadTracer(scope, mount)
	if err == nil {
		err = p.loadApplications(scope, mount)
	}
	if err == nil {
		err = p.loadPlaintext(scope, mount)
	}
	p.noteHooks()
	if err != nil {
		return fmt.Errorf("%w: %w", plugins.ErrNotSupported, err)
	}
	p.noteAccounts()
	return nil
}

// loadTracer attaches what follows TCP connections.
func (p *Plugin) loadTracer(scope bpf.Scope, mount string) (err error) {
	if !wants(p.cfg.L4NetEnabled, "tcp") {
		return nil
	}
	p.tracer, err = openTracer(tracerConfig{
		scope: scope, loopback: p.cfg.IncludeLoopback, noIPv6: p.cfg.IPv6Disabled, cgroups: p.cfg.ContainerID,
		maxConnections: uint32(p.cfg.MaxConnections), ringBytes: p.ringBytes, cgroupMount: mount, fs: p.env.FS,
	})
	if err != nil {
		return err
	}
	if err := p.tracer.find(); err != nil {
		p.env.Log.Warn("some connections that were open before are not observed", "error", err)
	}
	return nil
}

// loadApplications attaches what sees packets. Without it TCP goes on, unless
// that is not wanted.
func (p *Plugin) loadApplications(scope bpf.Scope, mount string) error {
	if p.apps == nil {
		return nil
	}
	cfg := p.apps.cfg
	cfg.Scope, cfg.CgroupMount = scope, cmp.Or(cfg.CgroupMount, mount)
	err := p.apps.open(cfg, p.netnsDev, p.finder(), p.env.Now)
	if err == nil || p.tracer == nil || !errors.Is(err, bpf.ErrNotSupported) {
		return err
	}
	p.env.Log.Warn("UDP, DNS and HTTP in clear are not observed", "error", err)
	return nil
}

// finder finds the container of a socket; nil when nobody asks. Each call
// makes one for another goroutine.
func (p *Plugin) finder() func(cgroup uint64, pid uint32) string {
	if !p.cfg.ContainerID {
		return nil
	}
	return newContainerFinder(p.env, p.processes.table).find
}

// pollTime is how often the ring is looked at: no record wakes anybody up. It
// holds what 200,000 connections a second leave in that time.
const pollTime = 50 * time.Millisecond

// flushTime is what the last points may take to be fed when Run ends.
const flushTime = 5 * time.Second

// Run reports flows every interval, and what is left when ctx ends.
func (p *Plugin) Run(ctx context.Context, out point.Sink) error {
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	var watched error
	done := make(chan struct{})
	go func() {
		defer close(done)
		watched = p.watchPackets(watch)
	}()
	err := p.runIntervals(ctx, out, done)
	cancel()
	<-done
	if err := errors.Join(err, watched); err != nil {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	return p.report(last, out, true)
}

// watchPackets polls the ring of packets until ctx ends.
func (p *Plugin) watchPackets(ctx context.Context) error {
	if p.apps == nil {
		<-ctx.Done()
		return nil
	}
	return p.apps.run(ctx)
}

// runIntervals reports until ctx or watching packets ends.
func (p *Plugin) runIntervals(ctx context.Context, out point.Sink, watched <-chan struct{}) error {
	interval := time.NewTicker(p.env.Interval)
	defer interval.Stop()
	poll := time.NewTicker(pollTime)
	defer poll.Stop()
	books := time.NewTicker(time.Second)
	defer books.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-watched:
			return nil
		case <-books.C:
			p.noteAccounts()
		case <-poll.C:
			if err := p.drain(); err != nil {
				return err
			}
		case <-interval.C:
			if err := p.report(ctx, out, false); err != nil {
				return err
			}
		}
	}
}

// report ends an interval. The scan comes before the ring is drained: a
// connection that ends between is then known, never taken for a new one.
func (p *Plugin) report(ctx context.Context, out point.Sink, end bool) error {
	if err := p.collect(end); err != nil {
		return err
	}
	p.noteHooks()
	now := p.env.Now()
	points := p.agg.Flush(now)
	var log []point.Point
	if p.apps != nil {
		flows, entries := p.apps.flush(now)
		points, log = append(points, flows...), entries
	}
	return errors.Join(feed(ctx, out, point.Network, points), feed(ctx, out, point.Logging, log))
}

func feed(ctx context.Context, out point.Sink, c point.Category, points []point.Point) error {
	if len(points) == 0 {
		return nil
	}
	if err := out.Feed(ctx, c, points); err != nil {
		return fmt.Errorf("feed flows: %w", err)
	}
	return nil
}

// collect brings the sums up to now. At the end of all nothing is held back.
func (p *Plugin) collect(end bool) error {
	if p.apps != nil {
		if err := p.apps.datagrams(p.netnsDev, p.find(), p.agg); err != nil {
			return err
		}
		if end {
			if err := p.apps.finish(); err != nil {
				return err
			}
		}
	}
	if p.tracer != nil {
		if err := p.scan(end); err != nil {
			return err
		}
	}
	err := p.drain()
	p.noteAccounts()
	return err
}

// find is the finder of the goroutine of Run.
func (p *Plugin) find() func(cgroup uint64, pid uint32) string {
	if p.containers == nil {
		return nil
	}
	return p.containers.find
}

// drain takes what the ring holds.
func (p *Plugin) drain() error {
	if err := p.pollProcesses(); err != nil {
		return err
	}
	if p.tracer == nil {
		return nil
	}
	return p.tracer.ended(func(r *record) { p.add(r, true) })
}

// scan reads the open connections. New ones without an owner are left for a
// second scan, after a search through the open files of the machine.
func (p *Plugin) scan(end bool) error {
	p.conns.begin()
	unowned := 0
	err := p.tracer.opened(func(r *record) {
		if !end && p.conns.unowned(r) {
			unowned++
			return
		}
		p.add(r, r.final())
	})
	if err == nil && unowned > 0 {
		err = p.rescan()
	}
	p.conns.sweep(p.tracer.exists)
	return err
}

func (p *Plugin) rescan() error {
	if err := p.tracer.findOwners(); err != nil {
		return err
	}
	return p.tracer.opened(func(r *record) {
		switch {
		case p.conns.met(r.id()):
		case p.conns.unowned(r):
			p.conns.missed(r)
		default:
			p.add(r, r.final())
		}
	})
}

func (p *Plugin) add(r *record, last bool) {
	c := p.conns.update(r, last)
	if last {
		p.ended++
	}
	c.NetnsDev = p.netnsDev
	if p.containers != nil {
		c.Container = p.containers.find(c.CgroupID, c.PID)
	}
	p.agg.Add(c)
}

// Close detaches everything.
func (p *Plugin) Close() error {
	p.closing.Do(func() {
		p.closeErr = p.closePlaintext()
		if p.apps != nil {
			p.closeErr = errors.Join(p.closeErr, p.apps.close())
		}
		if p.tracer != nil {
			p.closeErr = errors.Join(p.closeErr, p.tracer.Close())
		}
		if p.cgroups != nil {
			p.closeErr = errors.Join(p.closeErr, p.cgroups.Close())
		}
	})
	return p.closeErr
}
