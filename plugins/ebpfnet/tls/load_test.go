package tls

import (
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

// BenchmarkRequest is what one request costs, beside the same without probes:
// hits of probes, time in programs, and wall time with one request at a time.
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
			client.do("get %s 200 1", url) // warm
			begin := time.Now()
			client.do("get %s %d 1", url, b.N)
			bare := time.Since(begin)
			o := observe(b, w)
			o.uses(pid)
			o.uses(client.pid)
			spent := bpftest.Measure(b, o.tracer.Programs)
			cpu := cpuTime(b)
			b.ResetTimer()
			client.do("get %s %d 1", url, b.N)
			b.StopTimer()
			b.ReportMetric(float64(cpuTime(b)-cpu)/float64(b.N), "agent-cpu-ns/request")
			var hits, other, ns float64
			for name, s := range spent() {
				if name == "egress" || name == "tcp_rcv_space_adjust" {
					other += float64(s.Time)
				} else {
					hits += float64(s.Runs)
					ns += float64(s.Time)
				}
			}
			n := float64(b.N)
			b.ReportMetric(hits/n, "probe-hits/request")
			b.ReportMetric(ns/n, "probe-bpf-ns/request")
			b.ReportMetric(other/n, "socket-bpf-ns/request")
			b.ReportMetric(float64(bare.Nanoseconds())/n, "bare-ns/request")
			b.ReportMetric(float64(b.Elapsed()-bare)/n, "added-ns/request")
		})
	}
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
