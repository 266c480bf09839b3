package ebpfnet

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/bpf/bpftest"
	"datakit.dev/agent/plugins"
)

// cost is what the kernel programs spent since.
type cost struct {
	spent func() map[string]bpf.ProgramStats
}

func measure(t testing.TB, w *watch) *cost {
	t.Helper()
	return &cost{bpftest.Measure(t, w.p.tracer.object.Stats)}
}

// eventPrograms run on events of connections; the others when they are read.
var eventPrograms = []string{"inet_sock_set_state", "tcp_destroy_sock", "getpeername4", "getpeername6", "inet_csk_accept", "inet_csk_accept_4"}

func (c *cost) events() (sum bpf.ProgramStats) {
	spent := c.spent()
	for _, name := range eventPrograms {
		sum.Runs += spent[name].Runs
		sum.Time += spent[name].Time
	}
	return sum
}

// TestNothingPerPacket: a bulk transfer and a keep-alive dialogue run no
// program. The programs see the connections of the whole machine, hence the
// margin: a program per packet would run more than once per request.
func TestNothingPerPacket(t *testing.T) {
	w, client, server, listener, addr := pair(t)
	watch := observe(t, w, nil)
	c := client.dial(addr)
	s := server.accept(listener)
	cost := measure(t, watch)
	requests, bulk := 20000, 64<<20
	if emulated() {
		requests, bulk = 2000, 4<<20
	}
	var both sync.WaitGroup
	both.Go(func() { client.try(order{Do: "ask", ID: c, N: requests}) })
	both.Go(func() { server.try(order{Do: "reply", ID: s, N: requests}) })
	both.Wait()
	both.Go(func() { client.try(order{Do: "write", ID: c, N: bulk}) })
	both.Go(func() { server.try(order{Do: "read", ID: s, N: bulk}) })
	both.Wait()
	got := cost.events()
	if got.Runs*4 > uint64(requests) {
		t.Errorf("%d runs during %d requests and %d MiB", got.Runs, requests, bulk>>20)
	}
	watch.report()
	sum := watch.sum(outgoing, portOf(t, addr))
	if want := int64(requests*requestBytes + bulk); sum.written != want {
		t.Errorf("written %d, want %d: the load was not there", sum.written, want)
	}
}

// emptyProgram is what measuring costs by itself, on the same tracepoint.
func emptyProgram(t testing.TB) (perRun func() time.Duration) {
	t.Helper()
	return bpftest.Empty(t, "inet_sock_set_state")
}

// BenchmarkConnection is the cost of one short connection, both ends, in all
// programs, as the kernel's statistics have it. bpf-own-ns is without what
// measuring costs; bare-ns is the CPU time of the connection itself, to set it
// against, and getppid-ns the cheapest system call, which tells how fast the
// machine is: where it took 51 ns the design's prototype took 1.6 µs per
// connection, 31 of them.
func BenchmarkConnection(b *testing.B) {
	w := newWorld(b)
	app := w.near.start(b)
	// The server closes first and keeps TIME_WAIT: the client may use a port again.
	w.near.Sysctl(b, "net/ipv4/ip_local_port_range", "1024 65535")
	bare := app.do(order{Do: "storm", N: b.N}).N
	watch := observe(b, w, func(c *plugins.EBPF) { c.IncludeLoopback = true })
	watch.run()
	cost := measure(b, watch)
	empty := emptyProgram(b)
	b.ResetTimer()
	app.do(order{Do: "storm", N: b.N})
	b.StopTimer()
	spent := cost.events()
	b.ReportMetric(float64(spent.Time.Nanoseconds())/float64(b.N), "bpf-ns/conn")
	b.ReportMetric(float64(spent.Runs)/float64(b.N), "bpf-runs/conn")
	own := spent.Time - time.Duration(spent.Runs)*empty()
	b.ReportMetric(float64(own.Nanoseconds())/float64(b.N), "bpf-own-ns/conn")
	b.ReportMetric(float64(empty().Nanoseconds()), "empty-ns/run")
	b.ReportMetric(float64(bare)/float64(b.N), "bare-ns/conn")
	b.ReportMetric(float64(getppid().Nanoseconds()), "getppid-ns")
}

// getppid times the system call.
func getppid() time.Duration {
	const calls = 1 << 20
	begin := time.Now()
	for range calls {
		_, _, _ = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
	}
	return time.Since(begin) / calls
}

// BenchmarkScan reads 50,000 live connections, the ends of 25,000, spread
// over eight processes. The bar is 1 µs per connection in the iterator.
func BenchmarkScan(b *testing.B) {
	const perPair, pairs = 6250, 4
	w := newWorld(b)
	for range pairs {
		client, server := w.near.start(b), w.far.start(b)
		l, addr := server.listen(w.far.addr(false, 0))
		var both sync.WaitGroup
		both.Go(func() { server.do(order{Do: "hold", ID: l, N: perPair}) })
		both.Go(func() { client.do(order{Do: "open", Addr: addr, N: perPair}) })
		both.Wait()
	}
	watch := observe(b, w, nil)
	cost := measure(b, watch)
	records := 0
	b.ResetTimer()
	for b.Loop() {
		must(b, watch.p.tracer.opened(func(*record) { records++ }))
	}
	b.StopTimer()
	if per := records / b.N; per != 2*perPair*pairs {
		b.Fatalf("%d live connections, want %d", per, 2*perPair*pairs)
	}
	b.ReportMetric(float64(cost.spent()["scan"].Time.Nanoseconds())/float64(records), "bpf-ns/conn")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "wall-ns/conn")
	begin := time.Now()
	watch.report()
	b.ReportMetric(float64(time.Since(begin).Milliseconds()), "interval-ms")
	b.ReportMetric(residentMiB(b), "rss-MiB")
}

// residentMiB is VmRSS of this process.
func residentMiB(t testing.TB) float64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			must(t, err)
			return float64(kb) / 1024
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
