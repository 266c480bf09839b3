package ebpfnet

import (
	"fmt"
	"os"
	"testing"
	"time"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/bpf/bpftest"
	"datakit.dev/agent/internal/containers"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/nettest"
)

// packetCost is what the packet programs cost while a benchmark runs, by the
// kernel's statistics, and the process of the benchmark by its CPU time.
type packetCost struct {
	b     *testing.B
	spent func() map[string]bpf.ProgramStats
	cpu   time.Duration
}

func ownCPU(t testing.TB) time.Duration {
	t.Helper()
	d, err := cpuTime()
	must(t, err)
	return d
}

func measurePackets(b *testing.B, w *packetWatch) *packetCost {
	b.Helper()
	spent := bpftest.Measure(b, w.p.apps.tap.Stats)
	return &packetCost{b, spent, ownCPU(b)}
}

// packetPrice is what one side of one request costs. Of several windows the
// best one counts: others work on the machine, too.
type packetPrice struct {
	events              int
	runs, all, own, cpu float64 // runs, ns in programs, ns without what measuring costs, µs of the agent
}

func (c *packetCost) price(events int, empty time.Duration) packetPrice {
	c.b.Helper()
	cpu := ownCPU(c.b) - c.cpu
	var runs uint64
	var spent time.Duration
	for _, s := range c.spent() {
		runs += s.Runs
		spent += s.Time
	}
	n := float64(events)
	return packetPrice{
		events: events, runs: float64(runs) / n, all: float64(spent) / n,
		own: float64(spent-time.Duration(runs)*empty) / n, cpu: float64(cpu.Microseconds()) / n,
	}
}

func (p *packetPrice) report(b *testing.B) {
	b.ReportMetric(p.runs, "bpf-runs/side")
	b.ReportMetric(p.all, "bpf-ns/side")
	b.ReportMetric(p.own, "bpf-own-ns/side")
	b.ReportMetric(p.cpu, "agent-cpu-s/M-sides")
	b.ReportMetric(residentMiB(b), "rss-MiB")
}

// cell is a cgroup for those whose packets are measured: the programs see the
// whole machine otherwise.
func cell(t testing.TB) string {
	t.Helper()
	mount, err := containers.Mount(hostfs.Root{})
	must(t, err)
	dir, err := os.MkdirTemp(mount, "cost-test-")
	must(t, err)
	t.Cleanup(func() { nettest.Eventually(t, "the cgroup is empty", func() bool { return os.Remove(dir) == nil }) })
	return dir
}

// within attaches to that cgroup only.
func within(dir string) func(*Plugin) {
	return func(p *Plugin) { p.apps.cfg.CgroupMount = dir }
}

// inside is the command line that runs a program in a cgroup.
func inside(dir string, command ...string) (string, []string) {
	return "sh", append([]string{"-c", `echo $$ > ` + dir + `/cgroup.procs; exec "$@"`, "sh"}, command...)
}

// BenchmarkHTTP is the cost of a request of wrk to nginx, on each side: both
// are observed. Keep-alive, short connections, and HTTP/2 between Go programs.
func BenchmarkHTTP(b *testing.B) {
	nettest.Need(b, "nginx", "wrk")
	const seconds, windows = 1, 5
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"keep-alive", nil},
		{"short", []string{"-H", "Connection: close"}},
	} {
		b.Run(tt.name, func(b *testing.B) {
			w := newWorld(b)
			dir := cell(b)
			server := nginx(b, w.far, "sendfile on; access_log off;", "", dir)
			watch := observePackets(b, w, nil, []string{"httpflow"}, within(dir))
			empty := emptyProgram(b)
			for b.Loop() {
				var best *packetPrice
				for range windows {
					watch.forget()
					cost := measurePackets(b, watch)
					args := append([]string{"wrk", "-t1", "-c64", fmt.Sprintf("-d%ds", seconds)}, tt.args...)
					name, args := inside(dir, append(args, "http://"+server.addr+"/a")...)
					w.near.Run(b, name, args...)
					watch.report()
					in, _ := watch.counts(incoming, portOf(b, server.addr))
					out, _ := watch.counts(outgoing, portOf(b, server.addr))
					p := cost.price(tallyOf(in)+tallyOf(out), empty())
					if best == nil || p.own < best.own {
						best = &p
					}
				}
				best.report(b)
				c, err := watch.p.apps.tap.Counts()
				must(b, err)
				b.ReportMetric(float64(c.Lost), "lost")
				b.ReportMetric(float64(best.events)/2/seconds, "requests/s")
			}
		})
	}
}
