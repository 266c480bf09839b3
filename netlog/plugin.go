package netlog

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/nic"
	"datakit.dev/agent/plugins"
)

// Plugin is bpf-netlog. Load, Run and Close follow each other; Hooks and
// Accounts may be called at any time.
type Plugin struct {
	cfg   *plugins.EBPF
	table *Table
	env   plugins.Env

	taps     tapConfig
	out      *outlet
	scope    bpf.Scope
	netnsDev uint64
	hook     atomic.Pointer[plugins.Hook]
	interval int64 // number of the current one

	turned map[nicKey]*nic.NIC // interfaces there was no room for; the watcher's

	mu      sync.Mutex
	lives   map[nicKey]*live
	retired totals // of captures that ended
}

// nicKey is what an interface keeps while it lives.
type nicKey struct {
	netns uint64
	index int
}

func newPlugin(cfg plugins.Config, env plugins.Env) (*Plugin, error) {
	c, ok := cfg.Program.(*plugins.EBPF)
	table, ok2 := cfg.Table.(*Table)
	if !ok || !ok2 {
		return nil, fmt.Errorf("configure %s: got %T and %T", Name, cfg.Program, cfg.Table)
	}
	if err := table.Validate(); err != nil {
		return nil, err
	}
	if err := (nic.Rules{Include: table.NICsInclude, Exclude: table.NICsExclude}).Validate(); err != nil {
		return nil, err
	}
	p := &Plugin{cfg: c, table: table, env: env, out: newOutlet(), lives: map[nicKey]*live{}, turned: map[nicKey]*nic.NIC{}}
	taps, err := newTapConfig(c, table, env.Now)
	if err != nil {
		return nil, err
	}
	p.taps = *taps
	return p, nil
}

// Load checks that packets can be captured. A namespace of the scope that does
// not exist is an error of its own; a scope of cgroups gives
// [plugins.ErrNotSupported], as a packet does not tell whose it is.
func (p *Plugin) Load() error {
	hook := plugins.Hook{Feature: "packets", Attach: "AF_PACKET TPACKET_V3", Rung: 3}
	err := p.load()
	if hook.OK = err == nil; err != nil {
		hook.Reason = err.Error()
	}
	p.hook.Store(&hook)
	return err
}

func (p *Plugin) load() (err error) {
	for _, w := range warnings(p.taps.rules) {
		p.env.Log.Warn("netlog_blacklist", "warning", w)
	}
	if len(p.cfg.ScopeCgroups) > 0 {
		return fmt.Errorf("%w: scope_cgroups is set, and an interface does not tell the cgroup a packet belongs to; scope_netns can be used", plugins.ErrNotSupported)
	}
	if p.scope, err = bpf.ResolveScope(p.cfg.ScopeNetns, nil, ""); err != nil {
		return err
	}
	dev, own, err := bpf.OwnNetns()
	if err != nil {
		return err
	}
	p.netnsDev = dev
	if !p.table.Containers && len(p.scope.Netns) == 0 {
		p.scope.Netns = []uint32{uint32(p.hostNetns(own))}
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EAFNOSUPPORT) {
		return fmt.Errorf("%w: capture packets (CAP_NET_RAW, CONFIG_PACKET): %w", plugins.ErrNotSupported, err)
	}
	if err != nil {
		return fmt.Errorf("capture packets: %w", err)
	}
	return unix.Close(fd)
}

// hostNetns is the namespace of process 1; own where that cannot be told.
func (p *Plugin) hostNetns(own uint64) uint64 {
	var st unix.Stat_t
	if unix.Stat(p.env.FS.Proc("1/ns/net"), &st) == nil {
		return st.Ino
	}
	return own
}

// feedTime is how long the last points may take to be fed when Run ends.
const feedTime = 5 * time.Second

// Run captures until ctx ends, then reports what is left.
func (p *Plugin) Run(ctx context.Context, out point.Sink) error {
	watcher, err := nic.NewWatcher(nic.Config{
		FS: p.env.FS, Scope: p.scope, Log: p.env.Log,
		Rules: nic.Rules{Include: p.table.NICsInclude, Exclude: p.table.NICsExclude},
	})
	if err != nil {
		return err
	}
	feeding, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	fed := make(chan error, 1)
	go func() { fed <- p.out.run(feeding, out) }()

	watching, stop := context.WithCancel(ctx)
	watched := make(chan error, 1)
	go func() {
		watched <- watcher.Run(watching, p.changed)
		stop() // ends report, when the watcher failed
	}()
	err = p.report(watching, out)
	for _, l := range p.all() { // all at once, the watcher stops one after the other
		l.stop()
	}
	stop()
	err = errors.Join(err, <-watched)
	defer time.AfterFunc(feedTime, abort).Stop()
	if p.taps.metrics != nil {
		err = errors.Join(err, p.feedFlows(feeding, out))
	}
	p.out.close()
	return errors.Join(err, <-fed)
}

// report feeds flows every interval until ctx ends.
func (p *Plugin) report(ctx context.Context, out point.Sink) error {
	if p.taps.metrics == nil {
		<-ctx.Done()
		return nil
	}
	p.pause(p.twin())
	interval := time.NewTicker(p.env.Interval)
	defer interval.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-interval.C:
		}
		// A pause begins before what is new is gathered, and ends after.
		on := p.twin()
		if on {
			p.pause(true)
		}
		p.gather(ctx)
		if !on {
			p.pause(false)
		}
		if err := p.feedFlows(ctx, out); err != nil {
			return err
		}
	}
}

// twin reports whether ebpf-net runs, which reports the same traffic.
func (p *Plugin) twin() bool { return p.env.Running != nil && p.env.Running("ebpf-net") }

// pause stops the flows, or lets them go on.
func (p *Plugin) pause(on bool) {
	if !p.taps.metrics.pause(on) {
		return
	}
	if !on {
		p.env.Log.Info("flows are reported: ebpf-net does not run")
		return
	}
	_ = p.taps.metrics.flush(p.env.Now()) // what came before is reported by ebpf-net, too
	p.env.Log.Warn("flows are paused: ebpf-net reports the same traffic; set netlog_metric = false to say so")
}

// gather makes every capture bring the flows up to date. It does not wait
// long for one that hangs.
func (p *Plugin) gather(ctx context.Context) {
	p.interval++
	lives := p.all()
	for _, l := range lives {
		l.wanted.Store(p.interval)
	}
	deadline := time.NewTimer(2 * pollTime)
	defer deadline.Stop()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for _, l := range lives {
		for l.reported.Load() < p.interval {
			select {
			case <-ctx.Done():
				return
			case <-deadline.C:
				return
			case <-poll.C:
			}
		}
	}
}

func (p *Plugin) all() []*live {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Values(p.lives))
}

func (p *Plugin) feedFlows(ctx context.Context, out point.Sink) error {
	points := p.taps.metrics.flush(p.env.Now())
	if len(points) == 0 {
		return nil
	}
	if err := out.Feed(ctx, point.Network, points); err != nil {
		return fmt.Errorf("feed flows: %w", err)
	}
	return nil
}

// Close is idempotent; Run has closed everything.
func (p *Plugin) Close() error { return nil }

// Hooks tells what the plugin stands on.
func (p *Plugin) Hooks() []plugins.Hook {
	if h := p.hook.Load(); h != nil {
		return []plugins.Hook{*h}
	}
	return nil
}

// Accounts tells where packets, connections and points are, as of the last
// second.
func (p *Plugin) Accounts() []ledger.Account {
	p.mu.Lock()
	defer p.mu.Unlock()
	sum := p.retired
	for _, l := range p.lives {
		sum.add(l.totals.Load())
	}
	return sum.accounts(p.out, p.taps.metrics)
}

// flowConfig is how flows are made.
func flowConfig(c *plugins.EBPF, now time.Time) (flow.Config, error) {
	sampler, err := flow.ParseSampling(c.SamplingRate, c.SamplingRatePtsPerMin, now)
	return flow.Config{
		EphemeralPort: c.EphemeralPort, MaxFlows: c.MaxFlows, IncludeLoopback: c.IncludeLoopback,
		ContainerID: c.ContainerID, Sampler: sampler,
	}, err
}

// compileRules compiles netlog_blacklist.
func compileRules(text string) (*filter.Program, error) {
	program, err := filter.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("netlog_blacklist: %w", err)
	}
	return program, nil
}
