package flow

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"datakit.dev/agent/internal/point"
)

// DefaultMaxFlows is the bound when [Config] names none.
const DefaultMaxFlows = 65536

// Config says how connections become flows.
type Config struct {
	// EphemeralPort is the number from which the port of the client is
	// reported as "*". Zero and less: every client port is.
	EphemeralPort int
	// MaxFlows bounds the flows of one interval; what goes beyond is
	// summed in one series with the tag overflow=true. 0: DefaultMaxFlows.
	MaxFlows int
	// IncludeLoopback keeps connections with a loopback address.
	IncludeLoopback bool
	// ContainerID makes the container part of the key, tag container_id.
	ContainerID bool
	// Tags are added to every point. A tag with the name of one of the
	// measurement's own tags or fields is left out.
	Tags map[string]string
	// Sampler thins the flows; nil keeps all.
	Sampler *Sampler
}

// Aggregator sums connections up to flows. All methods but Stats belong to
// one goroutine.
type Aggregator struct {
	cfg  Config
	tags []point.Tag

	flows    map[key]int32 // index into sums
	sums     []totals
	peak     int // flows the map was grown for
	overflow totals
	spilled  bool // overflow holds something

	counters counters
}

// totals are the sums of one flow.
type totals struct {
	written, read       uint64
	retransmits         uint64
	rtt, rttVar         uint64 // sums; the means are over measured connections
	measured            uint64
	established, closed int64
}

func (t *totals) add(c *Conn) {
	t.written += c.Written
	t.read += c.Read
	t.retransmits += uint64(c.Retransmits)
	t.established += int64(c.Established)
	t.closed += int64(c.Closed)
	if c.RTT != 0 {
		t.rtt += uint64(c.RTT)
		t.rttVar += uint64(c.RTTVar)
		t.measured++
	}
}

// New makes an Aggregator.
func New(cfg Config) *Aggregator {
	if cfg.MaxFlows <= 0 {
		cfg.MaxFlows = DefaultMaxFlows
	}
	return &Aggregator{cfg: cfg, tags: extraTags(cfg.Tags), flows: map[key]int32{}}
}

// Add counts a connection. It allocates only for a flow that is new in this
// interval.
func (a *Aggregator) Add(c Conn) {
	local, remote := clean(c.Local.Addr()), clean(c.Remote.Addr())
	switch {
	case c.Local.Port() == 0 || c.Remote.Port() == 0:
		a.counters.noPort.Add(1)
		return
	case unspecified(local) || unspecified(remote):
		a.counters.noAddress.Add(1)
		return
	case !a.cfg.IncludeLoopback && (local.IsLoopback() || remote.IsLoopback()):
		a.counters.loopback.Add(1)
		return
	case c.idle():
		a.counters.idle.Add(1)
		return
	}

	k := keyOf(&c, local, remote, a.cfg.EphemeralPort, a.cfg.ContainerID)
	i, known := a.flows[k]
	if !known {
		if len(a.sums) >= a.cfg.MaxFlows {
			a.overflow.add(&c)
			a.spilled = true
			a.counters.overflowed.Add(1)
			return
		}
		i = int32(len(a.sums))
		a.sums = append(a.sums, totals{})
		a.flows[k] = i
		a.counters.flows.Add(1)
	}
	a.sums[i].add(&c)
	a.counters.aggregated.Add(1)
}

func unspecified(a netip.Addr) bool { return !a.IsValid() || a.IsUnspecified() }

// Flush returns the flows since the last Flush as points of the measurement
// netflow, all with the time now, and begins a new interval. It does not look
// at now otherwise, so a clock that was set does no harm. The caller owns the
// points.
func (a *Aggregator) Flush(now time.Time) []point.Point {
	produced := len(a.sums)
	if produced == 0 && !a.spilled {
		a.cfg.Sampler.Observe(now, 0)
		return nil
	}
	w := newWriter(a, now.UnixNano(), produced+1)
	for k, i := range a.flows {
		if !a.cfg.Sampler.Keep(k.hash()) {
			continue
		}
		w.flow(&k, &a.sums[i])
	}
	kept := len(w.points)
	a.counters.sampled.Add(int64(produced - kept))
	a.counters.emitted.Add(int64(kept))
	if a.spilled {
		w.overflow(&a.overflow)
	}
	a.cfg.Sampler.Observe(now, produced)
	a.reset()
	return w.points
}

// reset empties the tables. They keep their memory unless they were far
// larger than what the interval needed.
func (a *Aggregator) reset() {
	used := len(a.sums)
	a.peak = max(a.peak, used)
	if a.peak > 1024 && used < a.peak/8 {
		a.flows, a.sums, a.peak = make(map[key]int32, used), make([]totals, 0, used), used
	} else {
		clear(a.flows)
		a.sums = a.sums[:0]
	}
	a.overflow, a.spilled = totals{}, false
}

// extraTags orders configured tags and drops those that would repeat a key.
func extraTags(tags map[string]string) []point.Tag {
	var extra []point.Tag
	for k, v := range tags {
		if !ownKey(k) {
			extra = append(extra, point.Tag{Key: k, Value: v})
		}
	}
	slices.SortFunc(extra, func(x, y point.Tag) int { return strings.Compare(x.Key, y.Key) })
	return extra
}
