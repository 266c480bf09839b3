package flow

import (
	"time"

	"datakit.dev/agent/internal/point"
)

// Aggregator sums connections up to flows of the measurement netflow. All
// methods but Stats belong to one goroutine.
type Aggregator struct{ series[all, totals] }

// all says that nothing but the ends tells flows apart.
type all struct{}

func (all) hash(*seed) uint64 { return 0 }

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
	a := new(Aggregator)
	a.prepare(cfg, Measurement())
	return a
}

// Add counts a connection. It allocates only for a flow that is new in this
// interval.
func (a *Aggregator) Add(c Conn) {
	e := ends{
		netns: c.Netns, dev: c.NetnsDev, local: c.Local, remote: c.Remote, transport: c.Transport,
		direction: c.Direction, pid: c.PID, process: c.Process, container: c.Container,
	}
	if !a.admit(&e, a.cfg.EphemeralPort) {
		return
	}
	if c.idle() {
		a.counters.idle.Add(1)
		return
	}
	t := a.known(&e, &all{})
	if t == nil {
		t = a.begin(&e, &all{})
	}
	t.add(&c)
}

// Flush returns the flows since the last Flush as points, all with the time
// now, and begins a new interval. It does not look at now otherwise, so a
// clock that was set does no harm. The caller owns the points.
func (a *Aggregator) Flush(now time.Time) []point.Point {
	return a.flush(now, func(w *writer, e *ends, _ *all, t *totals) {
		w.int("bytes_read", t.read)
		w.int("bytes_written", t.written)
		if e == nil || e.transport == TCP {
			measured := max(t.measured, 1)
			w.int("retransmits", t.retransmits)
			w.int("rtt", t.rtt/measured)
			w.int("rtt_var", t.rttVar/measured)
			w.int("tcp_closed", uint64(t.closed))
			w.int("tcp_established", uint64(t.established))
		}
	})
}
