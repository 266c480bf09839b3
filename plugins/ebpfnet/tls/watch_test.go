package tls

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/containers"
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/l7/http"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/internal/process"
	"datakit.dev/agent/plugins/ebpfnet/exchange"
	"datakit.dev/agent/plugins/ebpfnet/procs"
)

// watch is the tracer at work on a world, with what it found so far.
type watch struct {
	t       testing.TB
	tracer  *Tracer
	tracker *exchange.Tracker
	procs   *procs.Watcher

	mu        sync.Mutex
	got       map[result]int
	latencies map[flow.Direction][]time.Duration
	end       sync.Once
	fin       chan struct{}

	bytes, captured int // of plaintext
	all             sync.WaitGroup
}

// result is what is compared of an exchange.
type result struct {
	direction flow.Direction
	pid       uint32
	server    netip.AddrPort
	version   string
	method    string
	path      string
	status    int
	grpc      int // status; -1: no gRPC
}

func (r result) String() string {
	return fmt.Sprintf("%v pid %d server %v HTTP/%s %s %s: %d (grpc %d)", r.direction, r.pid, r.server, r.version, r.method, r.path, r.status, r.grpc)
}

func observe(t testing.TB, w *nettest.World, change ...func(*Config)) *watch {
	t.Helper()
	o := &watch{t: t, got: map[result]int{}, latencies: map[flow.Direction][]time.Duration{}, fin: make(chan struct{})}
	o.tracker = exchange.New(exchange.Config{Out: o})
	mount, err := containers.Mount(hostfs.Root{})
	must(t, err)
	table := process.New(process.Config{Now: time.Now})
	cfg := Config{
		Scope:       bpf.Scope{Netns: []uint32{inodeOf(t, w.Near), inodeOf(t, w.Far)}},
		CgroupMount: mount, Now: time.Now, Sink: o,
		Log:  slog.New(slog.NewTextHandler(io.Discard, nil)),
		Name: func(pid uint32) string { info, _ := table.Lookup(pid); return info.Name },
	}
	for _, f := range change {
		f(&cfg)
	}
	o.procs, err = procs.Open()
	must(t, err)
	o.tracer, err = Open(cfg)
	must(t, err)
	o.all.Go(o.run)
	t.Cleanup(o.stop)
	return o
}

func (o *watch) run() {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-o.fin:
			return
		case <-tick.C:
			o.mu.Lock()
			err := o.procs.Drain(func(ev *process.Event) {
				if !ev.Ended {
					o.tracer.Executed(ev.PID)
				}
			})
			if err == nil {
				err = o.tracer.Poll()
			}
			o.mu.Unlock()
			if err != nil {
				o.t.Error(err)
				return
			}
		}
	}
}

// stop ends it; what is open then counts.
func (o *watch) stop() {
	o.end.Do(func() {
		close(o.fin)
		o.all.Wait()
		must(o.t, o.tracer.Close())
		must(o.t, o.procs.Close())
		o.tracker.Close(time.Now().UnixNano())
	})
}

// Segment and Closed are the sink of the tracer, which passes on.
func (o *watch) Segment(id uint64, at *exchange.Endpoint, s *http.Segment) (http.Verdict, http.Capture) {
	o.bytes += s.Len
	o.captured += len(s.Data)
	return o.tracker.Segment(id, at, s)
}

func (o *watch) Closed(id uint64, time int64) { o.tracker.Closed(id, time) }

// Add is the sink of the tracker.
func (o *watch) Add(x *flow.HTTP) {
	r := result{direction: x.Direction, pid: x.PID, version: x.Version, method: x.Method, path: x.Path, status: x.Status, grpc: -1}
	if x.GRPC {
		r.grpc = x.GRPCStatus
	}
	r.server = x.Local
	if x.Direction == flow.Outgoing {
		r.server = x.Remote
	}
	o.got[r]++
	o.latencies[x.Direction] = append(o.latencies[x.Direction], x.Latency)
}

// median is that of the latencies of one side.
func (o *watch) median(d flow.Direction) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := slices.Sorted(slices.Values(o.latencies[d]))
	return all[len(all)/2]
}

// snapshot copies what was found.
func (o *watch) snapshot() map[result]int {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := map[result]int{}
	for r, n := range o.got {
		all[r] = n
	}
	return all
}

// uses waits until a process is known to use a file with probes.
func (o *watch) uses(pid int) {
	o.t.Helper()
	nettest.Eventually(o.t, fmt.Sprintf("process %d is found: %+v", pid, o.tracer.Found()), func() bool {
		return o.tracer.finder.usedBy(uint32(pid))
	})
}

// want compares the exchanges of one side.
func (o *watch) want(direction flow.Direction, want map[result]int) {
	o.t.Helper()
	total := 0
	for _, n := range want {
		total += n
	}
	side := func() (map[result]int, int) {
		got, sum := map[result]int{}, 0
		for r, n := range o.snapshot() {
			if r.direction == direction {
				got[r] = n
				sum += n
			}
		}
		return got, sum
	}
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, sum := side(); sum >= total {
			break
		}
	}
	got, _ := side()
	var lines []string
	for r, n := range want {
		if got[r] != n {
			lines = append(lines, fmt.Sprintf("%v: %d, want %d", r, got[r], n))
		}
	}
	for r, n := range got {
		if want[r] == 0 {
			lines = append(lines, fmt.Sprintf("%v: %d, want none", r, n))
		}
	}
	if len(lines) > 0 {
		slices.Sort(lines)
		o.t.Errorf("%s\n%+v\nhttp %+v\n%+v\n%+v", strings.Join(lines, "\n"), o.tracer.Stats(), o.tracker.Decoded(), o.tracer.Accounts(), o.tracer.Status())
	}
}

// balanced checks the books.
func (o *watch) balanced() ledger.Account {
	o.t.Helper()
	nettest.Eventually(o.t, "the books are taken", func() bool { return len(o.tracer.Accounts()) > 0 })
	time.Sleep(2 * quietPolls * 5 * time.Millisecond)
	accounts := o.tracer.Accounts()
	must(o.t, ledger.Check(accounts))
	return accounts[0]
}
