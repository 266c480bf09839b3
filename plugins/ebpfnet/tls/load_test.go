package tls

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/bpf/bpftest"
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/nettest"
)

// TestLoad: many requests over many connections at once, none lost: on both
// sides the counts equal nginx's log.
func TestLoad(t *testing.T) {
	for _, tt := range []struct{ name, kind string }{{"http1", "h1"}, {"http2", "h2"}, {"short connections", "short"}} {
		t.Run(tt.name, func(t *testing.T) {
			n := requests
			if tt.kind == "short" {
				n /= 10
			}
			if emulated() {
				n = min(n, 2000)
			}
			w := nettest.New(t)
			server := startNginx(t, w.Far, "")
			client := start(t, w.Near, "app", "")
			client.do("client %s", tt.kind)
			o := observe(t, w)
			o.uses(server.pid)
			o.uses(client.pid)
			begin := time.Now()
			client.do("get https://%s/small %d 32", server.addr, n)
			took := time.Since(begin)
			nettest.Eventually(t, "nginx has written all down", func() bool { return total(server.served(t)) == n })
			o.want(flow.Incoming, server.served(t))
			o.want(flow.Outgoing, mirrored(server.served(t), client.pid))
			account := o.balanced()
			for _, e := range account.Out[1:] {
				if e.Count != 0 {
					t.Errorf("%s %s: %d", e.Name, e.Reason, e.Count)
				}
			}
			t.Logf("%d requests, %.0f/s, %d segments", n, float64(n)/took.Seconds(), account.In[0].Count)
		})
	}
}

// rounds is how often a load is measured without and with probes, in turns.
const rounds = 4

// BenchmarkRequest is what a request costs its client and server, without and
// with probes, and the agent: rates, CPU of all that is on their side of it
// (exceptions and kernel programs among it), hits of probes, time in programs.
//
//	go test -run '^$' -bench Request -benchtime 20000x ./plugins/ebpfnet/tls
func BenchmarkRequest(b *testing.B) {
	for _, tt := range []struct{ name, kind, server string }{
		{"go to go", "h1", "go"}, {"go to nginx", "h1", "nginx"}, {"go to nginx, http2", "h2", "nginx"},
		{"go to nginx, short connections", "short", "nginx"},
	} {
		b.Run(tt.name, func(b *testing.B) {
			w := nettest.New(b)
			client := start(b, w.Near, "app", "")
			client.do("client %s", tt.kind)
			var pid int
			var url string
			if tt.server == "nginx" {
				server := startNginx(b, w.Far, "access_log off;")
				pid, url = server.pid, "https://"+server.addr+"/small"
			} else {
				cert, key := certificate(b)
				server := start(b, w.Far, "app", "")
				pid, url = server.pid, "https://"+server.do("serve %s:0 %s %s", w.Far.V4, cert, key)+"/a/200/5/"
			}
			each := (b.N + rounds - 1) / rounds
			client.do("get %s 200 8", url) // warm
			var without, with load
			for range rounds {
				without.add(loadOf(b, each, client, pid, url))
				o := observe(b, w)
				o.uses(pid)
				o.uses(client.pid)
				spent := bpftest.Measure(b, o.tracer.Programs)
				agent := cpuTime(b)
				with.add(loadOf(b, each, client, pid, url))
				with.agent += cpuTime(b) - agent
				for name, s := range spent() {
					if name == "egress" || name == "tcp_rcv_space_adjust" {
						with.socket += s.Time
					} else {
						with.hits += s.Runs
						with.probes += s.Time
					}
				}
				o.stop()
			}
			n := float64(each * rounds)
			per := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / n }
			b.ReportMetric(n/without.wall.Seconds(), "bare-requests/s")
			b.ReportMetric(without.wall.Seconds()/with.wall.Seconds(), "attached/bare")
			b.ReportMetric(per(without.cpu), "bare-cpu-ns/request")
			b.ReportMetric(per(with.cpu-without.cpu), "added-cpu-ns/request")
			b.ReportMetric(per(with.agent), "agent-cpu-ns/request")
			b.ReportMetric(float64(with.hits)/n, "probe-hits/request")
			b.ReportMetric(per(with.probes), "probe-bpf-ns/request")
			b.ReportMetric(per(with.socket), "socket-bpf-ns/request")
			b.ReportMetric(0, "ns/op") // of both together, it says nothing
		})
	}
}

// load is what requests took.
type load struct {
	wall, cpu             time.Duration // cpu of client and server
	agent, probes, socket time.Duration
	hits                  uint64
}

// loadOf asks n times, eight at once.
func loadOf(b *testing.B, n int, client *app, server int, url string) load {
	b.Helper()
	cpu, begin := processTime(b, client.pid, server), time.Now()
	client.do("get %s %d 8", url, n)
	return load{wall: time.Since(begin), cpu: processTime(b, client.pid, server) - cpu}
}

func (l *load) add(m load) {
	l.wall += m.wall
	l.cpu += m.cpu
}

// processTime is what processes have used, of /proc/<pid>/task/*/schedstat.
func processTime(t testing.TB, pids ...int) (sum time.Duration) {
	t.Helper()
	for _, pid := range pids {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		must(t, err)
		for _, path := range threads {
			data, err := os.ReadFile(path)
			must(t, err)
			var ns int64
			_, err = fmt.Sscan(string(data), &ns)
			must(t, err)
			sum += time.Duration(ns)
		}
	}
	return sum
}

// cpuTime is what this process, which is the agent, has used.
func cpuTime(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	must(t, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBystander is what the two programs on sockets cost per run, for
// processes that do no TLS: iperf3 in a world that is in scope.
func BenchmarkBystander(b *testing.B) {
	nettest.Need(b, "iperf3")
	w := nettest.New(b)
	w.Far.Daemon(b, "iperf3", "-s", "-1", "-B", w.Far.V4)
	o := observe(b, w)
	spent, empty := bpftest.Measure(b, o.tracer.Programs), bpftest.Empty(b, "tcp_rcv_space_adjust")
	nettest.Eventually(b, "iperf3 listens", func() bool {
		_, err := w.Near.Try(b, "iperf3", "-c", w.Far.V4, "-t", "1")
		return err == nil
	})
	b.ReportMetric(float64(empty()), "empty-ns/run")
	for name, s := range spent() {
		if s.Runs > 0 && (name == "egress" || name == "tcp_rcv_space_adjust") {
			b.ReportMetric(float64(s.Time)/float64(s.Runs), name+"-ns/run")
		}
	}
}
