package ebpfnet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/domains"
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/l7/http"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/ebpfnet/exchange"
	"datakit.dev/agent/plugins/ebpfnet/payload"
	"datakit.dev/agent/plugins/ebpfnet/query"
)

// applications is what packets tell beyond TCP connections: UDP flows, DNS
// and HTTP.
//
//	payload.Tap ─┬─ Flows ────────────────────────────────► flow.Aggregator (of the plugin)
//	             └─ Drain ─┬─ exchange.Tracker ─► flow.HTTPAggregator ─┐
//	                       └─ query.Tracker ────► flow.DNSAggregator ──┴─► points
//	                              └─► domains.Cache, which names remote ends in all of them
//
// A goroutine of its own polls the ring, so that what takes longer elsewhere
// does not fill it.
type applications struct {
	cfg     payload.Config
	domains *domains.Cache
	http    *flow.HTTPAggregator
	dns     *flow.DNSAggregator

	// poll is what else has to be looked at with every packet; nil: nothing.
	poll func() error

	tap    *payload.Tap // nil until open, and when that failed
	status []bpf.Status // where its parts stand

	mu        sync.Mutex // guards all below and the aggregators
	exchanges *exchange.Tracker
	queries   *query.Tracker
	orphans   payload.Orphans
	names     names
	segment   http.Segment      // filled again and again …
	endpoint  exchange.Endpoint // … for each packet
	read      int64             // bytes taken from the ring
	markErr   error

	counted     payload.Counts // as of …
	ringAccount ledger.Account // … the last one that held still
}

// newApplications prepares what cfg asks for; nil when that is nothing.
func newApplications(c *plugins.EBPF, shared flow.Config, cache *domains.Cache) (*applications, error) {
	routes, err := flow.ParseRoutes(c.HTTPRoutes)
	if err != nil {
		return nil, fmt.Errorf("http_routes: %w", err)
	}
	a := &applications{
		cfg: payload.Config{
			UDP: wants(c.L4NetEnabled, "udp"), HTTP: wantsHTTP(c, "httpflow"), DNS: !wants(c.L7NetDisabled, "dnsflow"),
			Loopback: c.IncludeLoopback, NoIPv6: c.IPv6Disabled, Cgroups: c.ContainerID, MaxFlows: uint32(c.MaxFlows),
		},
		domains: cache,
		http: flow.NewHTTP(flow.HTTPConfig{
			Config: shared, MaxPaths: c.HTTPMaxPaths, Routes: routes, Host: c.HTTPHost, Latencies: c.HTTPLatencyFields,
		}),
		dns: flow.NewDNS(flow.DNSConfig{Config: shared, Log: c.DNSLog}),
	}
	if !a.cfg.UDP && !a.cfg.DNS && !a.cfg.HTTP && !wantsHTTP(c, "httpflow-tls") {
		return nil, nil
	}
	return a, nil
}

// open attaches to the packets. netnsDev and find complete what points say.
func (a *applications) open(cfg payload.Config, netnsDev uint64, find func(uint64, uint32) string, now func() time.Time) error {
	a.queries = query.New(query.Config{Out: a.dns, Domains: a.domains, Now: now, NetnsDev: netnsDev, Container: find})
	a.exchanges = exchange.New(exchange.Config{Out: a.http, NetnsDev: netnsDev, Container: find})
	if !cfg.UDP && !cfg.DNS && !cfg.HTTP {
		return nil
	}
	tap, err := payload.Open(cfg)
	if tap != nil {
		a.status = tap.Status()
	}
	if err == nil {
		a.tap = tap
	}
	return err
}

// run looks at the ring until ctx ends.
func (a *applications) run(ctx context.Context) error {
	if a.poll == nil && (a.tap == nil || !a.cfg.HTTP && !a.cfg.DNS) {
		<-ctx.Done()
		return nil
	}
	var p pace
	for next, period := time.Now().Add(time.Second), ringPoll; ctx.Err() == nil; {
		nap(period)
		found, err := a.drain()
		if err != nil {
			return err
		}
		period = p.next(found)
		if now := time.Now(); now.After(next) {
			next = now.Add(time.Second)
			a.expire()
		}
	}
	return nil
}

// drain takes what the ring holds, and says how many packets that were.
func (a *applications) drain() (found int, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tap != nil {
		found, err = a.tap.Drain(a.packet)
		if err := errors.Join(err, a.markErr); err != nil {
			return found, err
		}
	}
	if a.poll != nil {
		return found, a.poll()
	}
	return found, nil
}

// expire ends what waits in vain.
func (a *applications) expire() {
	now := monotonic()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queries.Expire(now)
	a.exchanges.Expire(now)
}

// monotonic is the clock of the kernel programs.
func monotonic() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0 // cannot be: the clock exists and t is ours
	}
	return t.Nano()
}

// flush ends an interval.
func (a *applications) flush(now time.Time) (flows, log []point.Point) {
	a.mu.Lock()
	defer a.mu.Unlock()
	flows = append(a.http.Flush(now), a.dns.Flush(now)...)
	return flows, a.dns.Log(now)
}

// finish hands out what is complete, for the last flush.
func (a *applications) finish() error {
	if _, err := a.drain(); err != nil {
		return err
	}
	a.expire()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.exchanges.Close(monotonic())
	return nil
}

// close detaches.
func (a *applications) close() error {
	if a.tap == nil {
		return nil
	}
	return a.tap.Close()
}
