package netlog

import (
	"slices"
	"sync"
	"time"

	"datakit.dev/agent/internal/domains"
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

// metrics sums up what all interfaces see to flows. It is safe for concurrent
// use.
type metrics struct {
	domains *domains.Cache
	kinds   kinds

	mu     sync.Mutex
	conns  *flow.Aggregator
	http   *flow.HTTPAggregator
	dns    *flow.DNSAggregator
	paused bool
	added  int64 // observations
	left   int64 // of those, left out while paused
}

// kinds says which flows are wanted.
type kinds struct{ tcp, udp, http, dns bool }

// kindsOf reads the keys that ebpf-net has too.
func kindsOf(c *plugins.EBPF) kinds {
	return kinds{
		tcp:  slices.Contains(c.L4NetEnabled, "tcp"),
		udp:  slices.Contains(c.L4NetEnabled, "udp"),
		http: slices.Contains(c.L7NetEnabled, "httpflow"),
		dns:  !slices.Contains(c.L7NetDisabled, "dnsflow"),
	}
}

func newMetrics(cfg flow.Config, wanted kinds, now func() time.Time) *metrics {
	m := &metrics{kinds: wanted, domains: domains.New(domains.Config{Now: now})}
	cfg.Domains = m.domains
	m.conns, m.http, m.dns = flow.New(cfg), flow.NewHTTP(flow.HTTPConfig{Config: cfg}), flow.NewDNS(flow.DNSConfig{Config: cfg})
	return m
}

func (m *metrics) addConn(c flow.Conn)  { m.add(func() { m.conns.Add(c) }) }
func (m *metrics) addHTTP(x *flow.HTTP) { m.add(func() { m.http.Add(x) }) }
func (m *metrics) addDNS(x *flow.DNS)   { m.add(func() { m.dns.Add(x) }) }

func (m *metrics) add(do func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.added++
	if m.paused {
		m.left++
		return
	}
	do()
}

// pause leaves out what comes from now on, or no longer; it reports whether
// that is a change.
func (m *metrics) pause(on bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	changed := m.paused != on
	m.paused = on
	return changed
}

// flush ends an interval.
func (m *metrics) flush(now time.Time) []point.Point {
	m.mu.Lock()
	defer m.mu.Unlock()
	points := m.conns.Flush(now)
	points = append(points, m.http.Flush(now)...)
	return append(points, m.dns.Flush(now)...)
}

// account tells what became of the observations.
func (m *metrics) account(name string) ledger.Account {
	m.mu.Lock()
	defer m.mu.Unlock()
	var sum flow.Stats
	for _, s := range []flow.Stats{m.conns.Stats(), m.http.Stats(), m.dns.Stats()} {
		sum.Aggregated += s.Aggregated
		sum.Overflowed += s.Overflowed
		sum.SkippedNoPort += s.SkippedNoPort
		sum.SkippedNoAddress += s.SkippedNoAddress
		sum.SkippedLoopback += s.SkippedLoopback
		sum.SkippedIdle += s.SkippedIdle
	}
	return ledger.Account{
		Name: name, Unit: "observations",
		In: []ledger.Entry{{Name: "made", Count: m.added}},
		Out: []ledger.Entry{
			{Name: "aggregated", Count: sum.Aggregated},
			{Name: "aggregated", Reason: "max_flows", Count: sum.Overflowed},
			{Name: "filtered", Reason: "no_port", Count: sum.SkippedNoPort},
			{Name: "filtered", Reason: "no_address", Count: sum.SkippedNoAddress},
			{Name: "filtered", Reason: "loopback", Count: sum.SkippedLoopback},
			{Name: "filtered", Reason: "nothing_new", Count: sum.SkippedIdle},
			{Name: "filtered", Reason: "ebpf-net_runs", Count: m.left},
		},
	}
}
