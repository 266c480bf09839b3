package flow

import (
	"hash/maphash"
	"net/netip"
	"strings"
	"time"

	"datakit.dev/agent/internal/point"
)

// anyPath is the path of requests beyond MaxPaths, and their host and, unless
// it is a method of the standard, their method.
const anyPath = "*"

// HTTPAggregator sums exchanges up to flows of the measurement httpflow. All
// methods but Stats belong to one goroutine.
type HTTPAggregator struct {
	series[request, responses]
	routes    *Routes
	host      bool
	latencies bool
	maxPaths  int
	servers   map[server]map[name]name
}

// request is what tells the flows of two ends apart.
type request struct {
	name
	version    string
	status     int32
	grpcStatus int32 // -1: none
}

// hash takes all that a client chooses, so that none can choose collisions.
func (r request) hash(s *seed) uint64 {
	h := maphash.String(s.text, r.path)
	h = mix(h^k0, maphash.String(s.text, r.method)^uint64(r.status)<<32^uint64(uint32(r.grpcStatus)))
	if r.host != "" {
		h = mix(h^k1, maphash.String(s.text, r.host))
	}
	return h
}

// name is the part of a request a client makes up.
type name struct{ method, path, host string }

// server is what the bound of paths is for.
type server struct {
	netns, dev uint64
	at         netip.AddrPort
}

// NewHTTP makes an HTTPAggregator.
func NewHTTP(cfg HTTPConfig) *HTTPAggregator {
	if cfg.MaxPaths <= 0 {
		cfg.MaxPaths = DefaultMaxPaths
	}
	a := &HTTPAggregator{
		routes: cfg.Routes, host: cfg.Host, latencies: cfg.Latencies, maxPaths: cfg.MaxPaths,
		servers: map[server]map[name]name{},
	}
	a.prepare(cfg.Config, HTTPMeasurement())
	if !a.latencies {
		a.fields -= 1 + len(latencyBounds)
	}
	return a
}

// Add counts an exchange. It allocates only for a flow that is new in this
// interval.
func (a *HTTPAggregator) Add(x *HTTP) {
	e := ends{
		netns: x.Netns, dev: x.NetnsDev, local: x.Local, remote: x.Remote, transport: TCP,
		direction: x.Direction, pid: x.PID, process: x.Process, container: x.Container,
	}
	if !a.admit(&e, a.cfg.EphemeralPort) {
		return
	}
	k := request{version: x.Version, status: int32(x.Status), grpcStatus: -1}
	k.method, k.path = x.Method, a.routes.Fold(withoutQuery(x.Path))
	if a.host {
		k.host = x.Host
	}
	if x.GRPC {
		k.grpcStatus = int32(x.GRPCStatus)
	}
	r := a.known(&e, &k)
	if r == nil {
		r = a.first(&e, &k)
	}
	r.add(x)
}

// first begins the flow of a request, or finds that of the requests beyond
// the bound.
func (a *HTTPAggregator) first(e *ends, k *request) *responses {
	if !a.count(e, &k.name) {
		a.counters.pathsFolded.Add(1)
		k.path = anyPath
		if a.host {
			k.host = anyPath
		}
		if standardMethod(k.method) == "" {
			k.method = anyPath
		}
		if r := a.known(e, k); r != nil {
			return r
		}
	}
	return a.begin(e, k)
}

// count enters a name for its server and makes its strings our own. It
// reports false when there are too many.
func (a *HTTPAggregator) count(e *ends, n *name) bool {
	at := server{netns: e.netns, dev: e.dev, at: e.server()}
	names := a.servers[at]
	if own, known := names[*n]; known {
		*n = own
		return true
	}
	if len(names) >= a.maxPaths || a.flows.full() {
		return false
	}
	own := name{method: standardMethod(n.method), path: strings.Clone(n.path), host: strings.Clone(n.host)}
	if own.method == "" {
		own.method = strings.Clone(n.method)
	}
	if names == nil {
		names = map[name]name{}
		a.servers[at] = names
	}
	names[own], *n = own, own
	return true
}

// withoutQuery cuts off what must not be reported.
func withoutQuery(path string) string {
	path, _, _ = strings.Cut(path, "?")
	path, _, _ = strings.Cut(path, "#")
	return path
}

// standardMethod returns the methods of RFC 9110 and PATCH, "" for others.
func standardMethod(m string) string {
	for _, s := range [...]string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"} {
		if m == s {
			return s
		}
	}
	return ""
}

// Flush returns the flows since the last Flush as points, with the time now
// and, where they differ in fields alone, the nanoseconds after it; and
// begins a new interval. The caller owns the points.
func (a *HTTPAggregator) Flush(now time.Time) []point.Point {
	points := a.flush(now, a.write)
	clear(a.servers)
	return points
}
