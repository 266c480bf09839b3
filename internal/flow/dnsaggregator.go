package flow

import (
	"time"

	"datakit.dev/agent/internal/point"
)

// dnsPort is the port of DNS servers (RFC 1035).
const dnsPort = 53

// DNSAggregator sums transactions up to flows of the measurement dnsflow, and
// keeps them one by one for the log where that is wanted. All methods but
// Stats belong to one goroutine.
type DNSAggregator struct {
	series[rcode, answers]
	log *dnsLog // nil: none is wanted
}

// rcode tells the flows of two ends apart.
type rcode int32

func (r rcode) hash(*seed) uint64 { return uint64(r) }

// answers are the sums of one flow of DNS.
type answers struct {
	count   uint64
	latency latency
}

// NewDNS makes a DNSAggregator.
func NewDNS(cfg DNSConfig) *DNSAggregator {
	a := new(DNSAggregator)
	a.prepare(cfg.Config, DNSMeasurement())
	if cfg.Log {
		a.log = newDNSLog(cfg)
	}
	return a
}

// Add counts a transaction. Without a log it allocates only for a flow that
// is new in this interval.
func (a *DNSAggregator) Add(t *DNS) {
	e := ends{netns: t.Netns, dev: t.NetnsDev, direction: Outgoing, transport: UDP, container: t.Container}
	e.local, e.remote = t.Client, t.Server
	if t.Direction == Incoming {
		e.local, e.remote, e.direction = t.Server, t.Client, Incoming
	}
	if t.TCP {
		e.transport = TCP
	}
	// Resolvers choose the port at random against forged answers (RFC 5452),
	// so that it tells nothing, however low it is. Servers ask from their own.
	if !a.admit(&e, dnsPort+1) {
		return
	}
	k := rcode(t.RCode)
	sums := a.known(&e, &k)
	if sums == nil {
		sums = a.begin(&e, &k)
	}
	sums.count++
	if t.RCode >= 0 {
		sums.latency.add(t.Latency)
	}
	if a.log != nil {
		a.logged(t, &e)
	}
}

// logged enters an admitted transaction in the log.
func (a *DNSAggregator) logged(t *DNS, e *ends) {
	if len(a.log.entries) >= a.log.max {
		a.counters.logDropped.Add(1)
		return
	}
	q := loggedQuery{DNS: *t, hash: e.fate()}
	q.Client, q.Server, q.Container = clean(t.Client), clean(t.Server), e.container
	a.log.entries = append(a.log.entries, q)
}

// Flush returns the flows since the last Flush as points, with the time now
// and, where they differ in fields alone, the nanoseconds after it; and
// begins a new interval. The caller owns the points.
func (a *DNSAggregator) Flush(now time.Time) []point.Point {
	return a.flush(now, func(w *writer, _ *ends, k *rcode, sums *answers) {
		w.int("count", sums.count)
		sums.latency.write(w, true)
		if k != nil {
			w.field("rcode", point.Int(int64(*k)))
		}
	})
}
