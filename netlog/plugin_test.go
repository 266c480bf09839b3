package netlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/plugins"
)

// syncBuffer is a log that may be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// running is a plugin that observes the near host of a world.
type running struct {
	*Plugin
	out   *collected
	log   *syncBuffer
	other atomic.Bool // ebpf-net runs
	stop  func()
}

func start(t *testing.T, w *nettest.World, set func(*plugins.EBPF, *Table)) *running {
	t.Helper()
	r := &running{out: &collected{}, log: &syncBuffer{}}
	c, table := plugins.DefaultEBPF(), DefaultTable()
	c.NetlogLog = true
	c.ScopeNetns = []string{fmt.Sprint(w.Near.Netns(t).Inode)}
	if set != nil {
		set(c, table)
	}
	env := plugins.Env{
		Log: slog.New(slog.NewTextHandler(r.log, nil)), FS: proc(t, w), Now: time.Now, Interval: 300 * time.Millisecond,
		Running: func(name string) bool { return name == "ebpf-net" && r.other.Load() },
	}
	p, err := Factory().New(plugins.Config{Program: c, Table: table}, env)
	must(t, err)
	r.Plugin = p.(*Plugin)
	must(t, p.Load())
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, r.out) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		must(t, <-done)
		must(t, p.Close())
		must(t, ledger.Check(r.Accounts()))
	})
	t.Cleanup(r.stop)
	r.eventually(t, "capture of near", func() bool { return strings.Contains(r.log.String(), "capturing") })
	return r
}

func (r *running) eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about; the log says\n%s", what, r.log)
		}
	}
}

// proc is a /proc with one process in each namespace; that of process 1 is
// the far host's, so that the near one is a container's.
func proc(t *testing.T, w *nettest.World) hostfs.Root {
	t.Helper()
	root := hostfs.Root{ProcDir: t.TempDir()}
	for i, h := range []*nettest.Host{w.Far, w.Near} {
		n := h.Netns(t)
		dir := root.Proc(fmt.Sprint(i+1), "ns")
		must(t, os.MkdirAll(dir, 0o755))
		name := fmt.Sprintf("net:[%d]", n.Inode)
		must(t, os.Symlink(n.Path, filepath.Join(dir, name)))
		must(t, os.Symlink(name, filepath.Join(dir, "net")))
	}
	return root
}

func (r *running) sum(measurement, key string) (n int64) {
	for _, p := range r.out.of(measurement) {
		n += integer(p, key)
	}
	return n
}

// Everything the near host does is in logs and flows, once.
func TestPlugin(t *testing.T) {
	w := nettest.New(t)
	serve(t, w, 8080)
	r := start(t, w, nil)
	const conns, exchanges = 20, 3
	browse(t, w, 8080, conns, exchanges)
	r.eventually(t, "flows of all connections", func() bool { return r.sum("netflow", "tcp_closed") == conns })
	r.stop()
	if n := r.sum("netflow", "tcp_established"); n != conns {
		t.Errorf("%d connections established", n)
	}
	if n := r.sum("httpflow", "count"); n != conns*exchanges {
		t.Errorf("%d exchanges in flows", n)
	}
	if n := len(r.out.of("bpf_net_l7_log")); n != conns*exchanges {
		t.Errorf("%d exchanges in logs", n)
	}
	if n := tcpConnections(r.out); n != conns {
		t.Errorf("%d connections in logs", n)
	}
	for _, p := range r.out.of("netflow") {
		if tag(p, "src_ip") != w.Near.V4 && tag(p, "src_ip") != w.Near.V6 {
			t.Errorf("a flow from %s", tag(p, "src_ip"))
		}
		if want := fmt.Sprintf(":%d)", w.Near.Netns(t).Inode); !strings.HasSuffix(tag(p, "netns"), want) {
			t.Errorf("netns is %s, want NS(…%s", tag(p, "netns"), want)
		}
	}
	if n := entry(t, r.Accounts(), "packets", "tracked", ""); n < conns*10 {
		t.Errorf("%d packets tracked", n)
	}
	if h := r.Hooks(); len(h) != 1 || !h[0].OK {
		t.Errorf("hooks %+v", h)
	}
}

// While ebpf-net runs, flows are paused, logs are not.
func TestPause(t *testing.T) {
	w := nettest.New(t)
	serve(t, w, 8080)
	r := start(t, w, nil)
	r.other.Store(true)
	r.eventually(t, "the pause", func() bool { return strings.Contains(r.log.String(), "flows are paused") })
	before := r.sum("netflow", "tcp_established")
	browse(t, w, 8080, 5, 1)
	r.eventually(t, "the logs", func() bool { return len(r.out.of("bpf_net_l7_log")) == 5 })
	r.other.Store(false)
	r.eventually(t, "the end of the pause", func() bool { return strings.Contains(r.log.String(), "flows are reported") })
	if n := r.sum("netflow", "tcp_established") - before; n != 0 {
		t.Errorf("%d connections were reported in the pause", n)
	}
	browse(t, w, 8080, 5, 1)
	r.eventually(t, "flows after the pause", func() bool { return r.sum("netflow", "tcp_established")-before == 5 })
}

// An interface that appears is captured, one that goes is let go.
func TestComingAndGoing(t *testing.T) {
	w := nettest.New(t)
	r := start(t, w, nil)
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "extra"
	must(t, w.Near.Handle(t).LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "artxe"}))
	w.Near.LinkUp(t, "extra")
	w.Near.LinkUp(t, "artxe")
	r.eventually(t, "capture of both ends", func() bool { return strings.Count(r.log.String(), "msg=capturing") == 3 })
	link, err := w.Near.Handle(t).LinkByName("extra")
	must(t, err)
	must(t, w.Near.Handle(t).LinkDel(link))
	r.eventually(t, "end of both", func() bool { return len(r.all()) == 1 })
}

// There is room for one interface: the second is captured when the first is
// gone.
func TestMaxInterfaces(t *testing.T) {
	w := nettest.New(t)
	r := start(t, w, func(_ *plugins.EBPF, table *Table) { table.MaxInterfaces = 1 })
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "extra"
	must(t, w.Near.Handle(t).LinkAdd(&netlink.Bridge{LinkAttrs: attrs}))
	w.Near.LinkUp(t, "extra")
	r.eventually(t, "the refusal", func() bool { return strings.Contains(r.log.String(), "max_interfaces are") })
	link, err := w.Near.Handle(t).LinkByName(w.Near.Name)
	must(t, err)
	must(t, w.Near.Handle(t).LinkDel(link))
	r.eventually(t, "capture of the second", func() bool { return strings.Count(r.log.String(), "msg=capturing") == 2 })
}

// The blacklist keeps packets out of everything.
func TestBlacklist(t *testing.T) {
	w := nettest.New(t)
	serve(t, w, 8080)
	r := start(t, w, func(c *plugins.EBPF, _ *Table) { c.NetlogBlacklist = "dst_port == 8080 && ipv4" })
	browse(t, w, 8080, 6, 1) // 2 of them over IPv6
	r.eventually(t, "flows", func() bool { return r.sum("netflow", "tcp_closed") == 2 })
	r.stop()
	if n := tcpConnections(r.out); n != 2 {
		t.Errorf("%d connections in logs", n)
	}
	if n := entry(t, r.Accounts(), "packets", "filtered", "blacklist"); n < 4*8 {
		t.Errorf("%d packets filtered", n)
	}
}

// What the rate allows is logged, the rest is counted.
func TestLogRate(t *testing.T) {
	w := nettest.New(t)
	serve(t, w, 8080)
	r := start(t, w, func(_ *plugins.EBPF, table *Table) { table.LogRate = 10 })
	browse(t, w, 8080, 2, 100)
	r.stop()
	written, dropped := len(r.out.of("bpf_net_l7_log"))+len(r.out.of("bpf_net_l4_log")), entry(t, r.Accounts(), "logs", "dropped", "log_rate")
	if written < 10 || written > 60 || int64(written)+dropped < 202 {
		t.Errorf("%d written, %d dropped", written, dropped)
	}
}

func TestBadConfiguration(t *testing.T) {
	for name, tc := range map[string]struct {
		set  func(*plugins.EBPF, *Table)
		want string
	}{
		"rule":      {func(c *plugins.EBPF, _ *Table) { c.NetlogBlacklist = "src_port = 80" }, "netlog_blacklist: rule:1:10"},
		"sampling":  {func(c *plugins.EBPF, _ *Table) { c.SamplingRate = "2" }, "sampling_rate"},
		"pattern":   {func(_ *plugins.EBPF, t *Table) { t.NICsExclude = []string{"["} }, "interface pattern"},
		"ring":      {func(_ *plugins.EBPF, t *Table) { t.RingSize = config.Size(1) }, "ring_size 1: want"},
		"protocol":  {func(_ *plugins.EBPF, t *Table) { t.LogProtocols = []string{"sctp"} }, "allowed are tcp, udp, icmp"},
		"snap":      {func(_ *plugins.EBPF, t *Table) { t.SnapLength = 1 }, "snap_length 1: want 128 to 65536"},
		"no memory": {func(_ *plugins.EBPF, t *Table) { t.LogMemory = 0 }, "log_memory"},
	} {
		t.Run(name, func(t *testing.T) {
			c, table := plugins.DefaultEBPF(), DefaultTable()
			tc.set(c, table)
			_, err := Factory().New(plugins.Config{Program: c, Table: table}, plugins.Env{Now: time.Now})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q", err, tc.want)
			}
		})
	}
	if _, err := Factory().New(plugins.Config{}, plugins.Env{}); err == nil {
		t.Error("no error without configuration")
	}
}

// TestScopeOfCgroups: what belongs to others is not captured in place of what
// was asked for.
func TestScopeOfCgroups(t *testing.T) {
	c := plugins.DefaultEBPF()
	c.ScopeCgroups = []string{"/"}
	p, err := Factory().New(plugins.Config{Program: c, Table: DefaultTable()}, plugins.Env{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	if err := p.Load(); !errors.Is(err, plugins.ErrNotSupported) || !strings.Contains(err.Error(), "scope_cgroups") {
		t.Errorf("error is %v", err)
	}
}

func TestMissingScope(t *testing.T) {
	c := plugins.DefaultEBPF()
	c.ScopeNetns = []string{"/nowhere"}
	p, err := Factory().New(plugins.Config{Program: c, Table: DefaultTable()}, plugins.Env{Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	if err := p.Load(); err == nil || errors.Is(err, plugins.ErrNotSupported) || !strings.Contains(err.Error(), "scope_netns") {
		t.Errorf("error is %v", err)
	}
	if h := p.(plugins.Inspector).Hooks(); len(h) != 1 || h[0].OK || h[0].Reason == "" {
		t.Errorf("hooks %+v", h)
	}
}
