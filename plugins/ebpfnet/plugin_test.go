package ebpfnet

import (
	"context"
	"slices"
	"strings"
	"testing"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/plugins"
)

func TestFactory(t *testing.T) {
	f := Factory()
	if f.Name != "ebpf-net" || f.Fallback != "bpf-netlog" || len(f.Spec) != 4 || f.Spec[0].Name != flow.Name {
		t.Errorf("%+v", f)
	}
	p, err := f.New(plugins.Config{Program: plugins.DefaultEBPF()}, quietEnv())
	must(t, err)
	must(t, p.Close()) // fine without Load
	must(t, p.Close())
	if p.(plugins.Inspector).Hooks() != nil || p.(plugins.Accountant).Accounts() != nil {
		t.Error("hooks or accounts before Load")
	}
}

func TestNewRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		program any
		want    string
	}{
		"another program":      {struct{}{}, "want *plugins.EBPF"},
		"no connections":       {change(func(c *plugins.EBPF) { c.MaxConnections = 0 }), "max_connections 0: want 1 to"},
		"a route that is none": {change(func(c *plugins.EBPF) { c.HTTPRoutes = []string{"users"} }), "http_routes"},
		"sampling nonsense":    {change(func(c *plugins.EBPF) { c.SamplingRate = "lots" }), "sampling_rate"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newPlugin(plugins.Config{Program: tc.program}, quietEnv())
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func change(f func(*plugins.EBPF)) *plugins.EBPF {
	c := plugins.DefaultEBPF()
	f(c)
	return c
}

func TestWantsHTTP(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  *plugins.EBPF
		want bool
	}{
		"defaults": {plugins.DefaultEBPF(), false},
		"tls":      {change(func(c *plugins.EBPF) { c.L7NetEnabled = []string{"httpflow-tls"} }), true},
		"disabled": {change(func(c *plugins.EBPF) {
			c.L7NetEnabled, c.L7NetDisabled = []string{"httpflow-tls"}, []string{"httpflow-tls"}
		}), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := wantsHTTP(tc.cfg, "httpflow-tls"); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

// TestNothingWanted: nothing is loaded, and Run ends with its context.
func TestNothingWanted(t *testing.T) {
	p, err := newPlugin(plugins.Config{Program: change(func(c *plugins.EBPF) {
		c.L4NetEnabled, c.L7NetEnabled, c.L7NetDisabled = nil, nil, []string{"dnsflow"}
	})}, quietEnv())
	must(t, err)
	must(t, p.Load())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	must(t, p.Run(ctx, nil))
	must(t, p.Close())
	if hooks := p.Hooks(); len(hooks) != 0 {
		t.Errorf("attached %v", hooks)
	}
}

// TestHooks: every feature says where it stands, and those that everything
// else needs stand.
func TestHooks(t *testing.T) {
	w := newWorld(t)
	watch := observe(t, w, nil)
	hooks := watch.p.Hooks()
	for _, h := range hooks {
		if h.Feature == "" || h.Attach == "" || h.Rung < 1 || h.Rung > 5 || !h.OK && h.Reason == "" {
			t.Errorf("%+v", h)
		}
	}
	for _, attach := range []string{"tp_btf/inet_sock_set_state", "tp_btf/tcp_destroy_sock", "iter/bpf_map_elem", "iter/task_file", "iter/tcp"} {
		if !slices.ContainsFunc(hooks, func(h plugins.Hook) bool { return h.Attach == attach && h.OK }) {
			t.Errorf("%s is not attached: %+v", attach, hooks)
		}
	}
}

// TestReportsTheRest: what happened since the last interval is fed when Run
// ends, connections without an owner included.
func TestReportsTheRest(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observe(t, w, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- watch.p.Run(ctx, watch) }()
	l := server.do(order{Do: "backlog", Addr: w.far.addr(false, 0)})
	c := client.dial(l.Addr)
	client.write(c, 123)
	cancel()
	must(t, <-done)
	port := portOf(t, l.Addr)
	if got := watch.sum(outgoing, port); got.established != 1 || got.written != 123 {
		t.Errorf("outgoing %+v", got)
	}
	if got := watch.sum(incoming, port); got.established != 1 || got.pid != 0 {
		t.Errorf("incoming %+v", got)
	}
}
