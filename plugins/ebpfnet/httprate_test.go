//go:build prove

package ebpfnet

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

// TestHTTPThroughput sends requests over loopback with everything observed,
// on both sides, and with nothing, in turn, and logs what it costs: the whole
// of the plugin runs as in datakit-ebpf, on the cores that the load needs,
// too. It asserts that every request was counted and nothing lost, not how
// fast it was.
func TestHTTPThroughput(t *testing.T) {
	tests := []struct {
		name  string
		serve func(*testing.T, *host, string) (addr string)
	}{
		{"nginx", oneWorker},
		{"Go", func(t *testing.T, h *host, dir string) string {
			server := h.start(t)
			must(t, os.WriteFile(dir+"/cgroup.procs", []byte(strconv.Itoa(server.pid)), 0))
			t.Cleanup(server.stop) // before the cgroup goes
			return server.do(order{Do: "http serve", Addr: h.addr(false, 0)}).Addr
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			const pairs = 15
			w, dir := newWorld(t), cell(t)
			wrk := &wrk{t: t, host: w.far, dir: dir, addr: tt.serve(t, w.far, dir)}
			wrk.run()
			var all [2][]httpTurn // bare, attached
			for i := range pairs {
				for j := range 2 {
					if attach := (i+j)%2 == 1; attach {
						all[1] = append(all[1], wrk.quiet(func() httpTurn { return wrk.observed(w) }))
					} else {
						all[0] = append(all[0], wrk.quiet(wrk.run))
					}
				}
			}
			logTurns(t, all[0], all[1])
		})
	}
}

// httpTurn is what one turn of load showed.
type httpTurn struct {
	requests, rate, p50, p99 float64 // in all, per second, µs, µs
	load                     float64 // µs of CPU per request: client, server and what the kernel does for them
	agent, rss               float64 // µs of CPU per request, MiB
	others                   float64 // cores that neither load nor agent used
}

// logTurns prints the medians, and of the pairs what became of each figure.
func logTurns(t *testing.T, bare, attached []httpTurn) {
	t.Helper()
	for _, figure := range []struct {
		name string
		of   func(*httpTurn) float64
	}{
		{"requests/s", func(h *httpTurn) float64 { return h.rate }},
		{"p50, µs", func(h *httpTurn) float64 { return h.p50 }},
		{"p99, µs", func(h *httpTurn) float64 { return h.p99 }},
		{"CPU-s/M requests, load", func(h *httpTurn) float64 { return h.load }},
		{"CPU-s/M requests, with agent", func(h *httpTurn) float64 { return h.load + h.agent }},
		{"CPU-s/M requests, agent alone", func(h *httpTurn) float64 { return h.agent }},
		{"RSS of the agent, MiB", func(h *httpTurn) float64 { return h.rss }},
		{"cores used by others", func(h *httpTurn) float64 { return h.others }},
	} {
		var without, with, ratio []float64
		for i := range bare {
			b, a := figure.of(&bare[i]), figure.of(&attached[i])
			without, with, ratio = append(without, b), append(with, a), append(ratio, a/b)
		}
		line := fmt.Sprintf("%-30s attached %.6g", figure.name, middle(with))
		if middle(without) > 0 {
			line += fmt.Sprintf(", bare %.6g; ratio of pairs: median %.3f, %.3f to %.3f",
				middle(without), middle(ratio), slices.Min(ratio), slices.Max(ratio))
		}
		t.Log(line)
	}
}

// wrk is the load.
type wrk struct {
	t    *testing.T
	host *host
	dir  string // cgroup of client and server
	addr string
}

// The report of wrk --latency.
var (
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
	wrkRate     = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkLatency  = regexp.MustCompile(`(?m)^\s+(50|99)%\s+(\S+)`)
)

// quiet takes a turn again, up to a few times, while others use the machine:
// they, too, get their time from what the load leaves.
func (l *wrk) quiet(take func() httpTurn) (h httpTurn) {
	for range 6 {
		if h = take(); h.others < 0.1 {
			break
		}
	}
	return h
}

// run is one turn of load.
func (l *wrk) run() (h httpTurn) {
	l.t.Helper()
	begin, busy, own := time.Now(), machineCPU(l.t), ownCPU(l.t)
	before := cellCPU(l.t, l.dir)
	name, args := inside(l.dir, "wrk", "-t1", "-c16", "-d1s", "--latency", "http://"+l.addr+"/a")
	out := l.host.Run(l.t, name, args...)
	spent := cellCPU(l.t, l.dir) - before
	h.others = (machineCPU(l.t) - busy - (ownCPU(l.t) - own) - spent).Seconds() / time.Since(begin).Seconds()
	h.requests, h.rate = number(l.t, wrkRequests, out), number(l.t, wrkRate, out)
	for _, m := range wrkLatency.FindAllStringSubmatch(out, -1) {
		d, err := time.ParseDuration(m[2])
		must(l.t, err)
		if us := float64(d.Nanoseconds()) / 1e3; m[1] == "50" {
			h.p50 = us
		} else {
			h.p99 = us
		}
	}
	h.load = float64(spent.Microseconds()) / positive(l.t, h.requests)
	return h
}

func number(t *testing.T, pattern *regexp.Regexp, text string) float64 {
	t.Helper()
	m := pattern.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in %s", pattern, text)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	must(t, err)
	return n
}

// cellCPU is the CPU time of those in a cgroup so far.
func cellCPU(t *testing.T, dir string) time.Duration {
	t.Helper()
	b, err := os.ReadFile(dir + "/cpu.stat")
	must(t, err)
	var us int64
	_, err = fmt.Sscanf(string(b), "usage_usec %d", &us)
	must(t, err)
	return time.Duration(us) * time.Microsecond
}

// machineCPU is the CPU time of everybody so far: user, nice, system, irq,
// softirq and steal of /proc/stat, in ticks of 10 ms (USER_HZ).
func machineCPU(t *testing.T) time.Duration {
	t.Helper()
	b, err := os.ReadFile("/proc/stat")
	must(t, err)
	var user, nice, system, idle, wait, irq, softirq, steal int64
	_, err = fmt.Sscanf(string(b), "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &softirq, &steal)
	must(t, err)
	return time.Duration(user+nice+system+irq+softirq+steal) * 10 * time.Millisecond
}

// observed is one turn of load with the plugin at work.
func (l *wrk) observed(w *world) httpTurn {
	l.t.Helper()
	stop := whole(l.t, w)
	before := ownCPU(l.t)
	h := l.run()
	spent := ownCPU(l.t) - before
	h.agent, h.rss = float64(spent.Microseconds())/h.requests, residentMiB(l.t)
	if sides, lost := stop(); lost != 0 || sides < 2*int64(h.requests) {
		l.t.Errorf("%d packets lost; counted %d sides of %v requests", lost, sides, h.requests)
	}
	return h
}

// whole runs the plugin with all that is on by default, until stop, which says
// how many requests it counted, on each side, and how many packets it lost.
func whole(t *testing.T, w *world) (stop func() (requests int64, lost int64)) {
	t.Helper()
	watch := observe(t, w, func(c *plugins.EBPF) {
		scope := c.ScopeNetns
		*c = *plugins.DefaultEBPF()
		c.ScopeNetns = scope
	})
	watch.p.env.Interval = time.Second
	sink := &requestCount{}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- watch.p.Run(ctx, sink) }()
	return func() (int64, int64) {
		t.Helper()
		cancel()
		must(t, <-done)
		c, err := watch.p.apps.tap.Counts()
		must(t, err)
		must(t, watch.p.Close())
		return sink.total(), c.Lost
	}
}

// requestCount is a sink that sums the requests up.
type requestCount struct {
	mu sync.Mutex
	n  int64
}

// Feed takes points.
func (s *requestCount) Feed(_ context.Context, _ point.Category, points []point.Point) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range points {
		if points[i].Measurement != "httpflow" {
			continue
		}
		for _, f := range points[i].Fields {
			if f.Key == "count" {
				s.n += f.Value.AsInt()
			}
		}
	}
	return nil
}

func (s *requestCount) total() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// oneWorker is an nginx that answers from memory.
func oneWorker(t *testing.T, h *host, cgroup string) (addr string) {
	t.Helper()
	dir := readable(t)
	conf := filepath.Join(dir, "nginx.conf")
	must(t, os.WriteFile(conf, fmt.Appendf(nil, `daemon off; worker_processes 1; pid %s/pid; error_log stderr;
events {}
http {
	access_log off; keepalive_requests 1000000000;
	server { listen 8080; location / { return 200 "ok"; } }
}
`, dir), 0o644))
	nettest.Need(t, "nginx", "wrk")
	command := []string{"nginx", "-c", conf, "-p", dir}
	if cgroup != "" {
		name, args := inside(cgroup, command...)
		command = append([]string{name}, args...)
	}
	h.Daemon(t, command[0], command[1:]...)
	addr = h.addr(false, 8080)
	h.Listens(t, addr)
	return addr
}
