package ebpfnet

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

// watch is the plugin at work on the two namespaces of a world, with what it
// reported so far.
type watch struct {
	t testing.TB
	p *Plugin

	running bool
	stop    func() // ends Run, which reports the rest
	mu      sync.Mutex
	flows   []reported
}

// reported is one point.
type reported struct {
	direction, process   string
	pid                  int
	netns                string
	src, dst             string // with port
	established, closed  int64
	written, read        int64
	retransmits, rtt, vr int64
}

// observe loads the plugin, scoped to the world, with changes to the
// defaults. No interval passes unless the test says so.
func observe(t testing.TB, w *world, change func(*plugins.EBPF), tune ...func(*Plugin)) *watch {
	t.Helper()
	cfg := plugins.DefaultEBPF()
	cfg.ScopeNetns = []string{w.near.inode(t), w.far.inode(t)}
	cfg.L4NetEnabled, cfg.L7NetEnabled, cfg.L7NetDisabled = []string{"tcp"}, nil, []string{"dnsflow"}
	if change != nil {
		change(cfg)
	}
	p, err := newPlugin(plugins.Config{Program: cfg}, quietEnv())
	must(t, err)
	for _, f := range tune {
		f(p)
	}
	t.Cleanup(func() { must(t, p.Close()) })
	must(t, p.Load())
	return &watch{t: t, p: p}
}

func quietEnv() plugins.Env {
	return plugins.Env{
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now, Interval: time.Hour,
	}
}

// Feed is the sink of the plugin.
func (w *watch) Feed(_ context.Context, _ point.Category, points []point.Point) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range points {
		w.flows = append(w.flows, decodePoint(p))
	}
	return nil
}

func decodePoint(p point.Point) (r reported) {
	tags := map[string]string{}
	for _, tag := range p.Tags {
		tags[tag.Key] = tag.Value
	}
	fields := map[string]int64{}
	for _, f := range p.Fields {
		if f.Value.Kind() == point.KindInt {
			fields[f.Key] = f.Value.AsInt()
		}
	}
	r.direction, r.process, r.netns = tags["direction"], tags["process_name"], tags["netns"]
	r.pid, _ = strconv.Atoi(tags["pid"])
	r.src, r.dst = tags["src_ip"]+":"+tags["src_port"], tags["dst_ip"]+":"+tags["dst_port"]
	r.established, r.closed = fields["tcp_established"], fields["tcp_closed"]
	r.written, r.read = fields["bytes_written"], fields["bytes_read"]
	r.retransmits, r.rtt, r.vr = fields["retransmits"], fields["rtt"], fields["rtt_var"]
	return r
}

// run lets the plugin run, with short intervals, until the test ends.
func (w *watch) run() {
	w.t.Helper()
	w.p.env.Interval = 20 * time.Millisecond
	if emulated() {
		w.p.env.Interval = time.Second
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.p.Run(ctx, w) }()
	w.running = true
	t := w.t
	w.stop = sync.OnceFunc(func() {
		cancel()
		must(t, <-done)
		w.running = false
	})
	t.Cleanup(w.stop)
}

// report ends an interval, unless the plugin runs and does so by itself.
func (w *watch) report() {
	w.t.Helper()
	if w.running {
		return
	}
	must(w.t, w.p.report(context.Background(), w, false))
}

// sum adds up what was reported of one side of the server's port.
func (w *watch) sum(direction string, port int) (s reported) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s.direction = direction
	suffix := ":" + strconv.Itoa(port)
	for _, f := range w.flows {
		server := f.dst
		if direction == incoming {
			server = f.src
		}
		if f.direction != direction || !hasSuffix(server, suffix) {
			continue
		}
		s.established += f.established
		s.closed += f.closed
		s.written += f.written
		s.read += f.read
		s.retransmits += f.retransmits
		s.rtt, s.vr = f.rtt, f.vr
		s.pid, s.process, s.src, s.dst, s.netns = f.pid, f.process, f.src, f.dst, f.netns
	}
	return s
}

func hasSuffix(s, suffix string) bool {
	return len(s) >= len(suffix) && s[len(s)-len(suffix):] == suffix
}

const outgoing, incoming = "outgoing", "incoming"

// closed waits until n connections to the port were reported as closed, on
// each side.
func (w *watch) closed(port, n int) {
	w.t.Helper()
	nettest.Eventually(w.t, "the connections are closed", func() bool {
		w.report()
		return w.sum(outgoing, port).closed >= int64(n) && w.sum(incoming, port).closed >= int64(n)
	})
}

// balanced checks that the plugin's books balance and returns the one of
// connections.
func (w *watch) balanced() ledger.Account {
	w.t.Helper()
	w.report()
	accounts := w.p.Accounts()
	if len(accounts) == 0 {
		w.t.Fatal("no accounts")
	}
	must(w.t, ledger.Check(accounts))
	return accounts[0]
}
