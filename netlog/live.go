package netlog

import (
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/capture"
	"datakit.dev/agent/netlog/socketfilter"
)

// live captures from one interface: it owns a source and its tap.
type live struct {
	source capture.Source
	kernel *socketfilter.Filter // what the source's socket runs
	tap    *tap
	out    *outlet
	now    func() time.Time

	addrs    atomic.Pointer[[]netip.Addr] // of the interface
	deadline atomic.Int64                 // when to stop although packets still come, Unix ns; 0: not yet
	wanted   atomic.Int64                 // number of the interval that flows are wanted for
	reported atomic.Int64                 // and of the last one they were given for
	totals   atomic.Pointer[totals]
	done     chan struct{} // closed when run returns

	batch []point.Point
}

const (
	// pollTime is how long a ring is waited for: what is due happens in
	// between.
	pollTime = 250 * time.Millisecond
	// lag is how far the clock is ahead of the packets that were handed in:
	// the timeout of a block and then some.
	lag = time.Second
	// drainTime bounds how long the ring is emptied when the capture stops.
	drainTime = time.Second
)

func newLive(source capture.Source, on Interface, cfg *tapConfig, out *outlet, now func() time.Time) *live {
	l := &live{source: source, out: out, now: now, done: make(chan struct{})}
	l.setAddrs(nil)
	on.Owns = l.owns
	l.tap = newTap(on, cfg, func(p point.Point) { l.batch = append(l.batch, p) })
	l.note()
	return l
}

// setAddrs replaces the interface's addresses, which are sorted.
func (l *live) setAddrs(addrs []netip.Addr) { l.addrs.Store(&addrs) }

func (l *live) owns(a netip.Addr) bool {
	_, found := slices.BinarySearchFunc(*l.addrs.Load(), a, netip.Addr.Compare)
	return found
}

// stop makes run take what is in the ring and return.
func (l *live) stop() { l.deadline.CompareAndSwap(0, l.now().Add(drainTime).UnixNano()) }

// stopped reports whether run is to return after a batch of n packets.
func (l *live) stopped(n int) bool {
	deadline := l.deadline.Load()
	return deadline != 0 && (n == 0 || l.now().UnixNano() >= deadline)
}

// run captures until it is stopped or the source fails for good.
func (l *live) run() error {
	defer close(l.done)
	err := l.capture()
	l.tap.close()
	l.reported.Store(l.wanted.Load())
	l.note()
	l.flush()
	return err
}

func (l *live) capture() error {
	noted := l.now()
	for {
		n, err := l.source.Next(l.tap.packet)
		if err != nil && !errors.Is(err, capture.ErrDown) {
			return err
		}
		if l.stopped(n) {
			return nil
		}
		if err != nil {
			time.Sleep(pollTime)
		}
		now := l.now()
		if n == 0 {
			l.tap.tick(now.Add(-lag).UnixNano())
		}
		if wanted := l.wanted.Load(); wanted != l.reported.Load() {
			l.tap.reportAll()
			l.reported.Store(wanted)
		}
		if gone := now.Sub(noted); gone >= time.Second || gone < 0 {
			noted = now
			l.note()
		}
		l.flush()
	}
}

// flush hands on the points that were made.
func (l *live) flush() {
	l.out.put(l.batch)
	l.batch = nil
}

// note publishes the counters.
func (l *live) note() {
	t := l.tap.totals()
	t.source = l.source.Stats()
	t.kernel = droppedInKernel(l.kernel, &t.source)
	l.totals.Store(&t)
}
