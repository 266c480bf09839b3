package flow

import (
	"net/netip"
	"slices"
	"strings"

	"datakit.dev/agent/internal/point"
)

// DefaultMaxFlows is the bound when [Config] names none.
const DefaultMaxFlows = 65536

// Config says how what was observed becomes flows. It is the same for all
// measurements; they may share one.
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
	// Sampler thins the flows; nil keeps all. Aggregators of one goroutine
	// share one, so that its budget is one for all measurements.
	Sampler *Sampler
	// Domains names the remote end of a flow, tag dst_domain; nil names none.
	Domains Domains
}

// Domains knows which name an address was last resolved from.
type Domains interface {
	Lookup(netip.Addr) string // "" for an unknown one
}

// intake is what the aggregators have in common: which observations are
// wanted and how their ends become a key.
type intake struct {
	cfg      Config
	tags     []point.Tag // the configured ones, fit for the measurement
	counters counters
}

func (in *intake) prepare(cfg Config, spec *point.Measurement) {
	if cfg.MaxFlows <= 0 {
		cfg.MaxFlows = DefaultMaxFlows
	}
	in.cfg, in.tags = cfg, extraTags(cfg.Tags, spec)
}

// admit makes a key of the ends of an observation; client ports from
// ephemeral on are left out. It counts and refuses what is not wanted.
func (in *intake) admit(e *ends, ephemeral int) bool {
	e.local, e.remote = clean(e.local), clean(e.remote)
	local, remote := e.local.Addr(), e.remote.Addr()
	switch {
	case e.local.Port() == 0 || e.remote.Port() == 0:
		in.counters.noPort.Add(1)
		return false
	case unspecified(local) || unspecified(remote):
		in.counters.noAddress.Add(1)
		return false
	case !in.cfg.IncludeLoopback && (local.IsLoopback() || remote.IsLoopback()):
		in.counters.loopback.Add(1)
		return false
	}
	e.foldPort(ephemeral)
	if !in.cfg.ContainerID {
		e.container = ""
	}
	return true
}

func unspecified(a netip.Addr) bool { return !a.IsValid() || a.IsUnspecified() }

// extraTags orders configured tags and drops those that would repeat a key.
// The tag host is left to whoever sets tags.
func extraTags(tags map[string]string, spec *point.Measurement) []point.Tag {
	var extra []point.Tag
	for k, v := range tags {
		own := slices.ContainsFunc(spec.Tags, func(t point.TagSpec) bool { return t.Key == k }) ||
			slices.ContainsFunc(spec.Fields, func(f point.FieldSpec) bool { return f.Key == k })
		if !own || k == "host" {
			extra = append(extra, point.Tag{Key: k, Value: v})
		}
	}
	slices.SortFunc(extra, func(x, y point.Tag) int { return strings.Compare(x.Key, y.Key) })
	return extra
}
