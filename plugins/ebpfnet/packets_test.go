package ebpfnet

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

// row is one point, with tags and fields in one map.
type row map[string]any

func (r row) text(key string) string { s, _ := r[key].(string); return s }
func (r row) int(key string) int     { n, _ := r[key].(int64); return int(n) }

// packetWatch is the plugin at work on packets, with all points so far.
type packetWatch struct {
	*watch
	rows  map[string][]row
	close func()
}

// observePackets observes what is asked for, without TCP connections.
func observePackets(t testing.TB, w *world, l4, l7 []string, change ...any) *packetWatch {
	t.Helper()
	p := &packetWatch{rows: map[string][]row{}}
	var tune []func(*Plugin)
	for _, f := range change {
		if f, ok := f.(func(*Plugin)); ok {
			tune = append(tune, f)
		}
	}
	p.watch = observe(t, w, func(c *plugins.EBPF) {
		c.L4NetEnabled, c.L7NetEnabled, c.L7NetDisabled = l4, l7, []string{"dnsflow"}
		for _, f := range change {
			if f, ok := f.(func(*plugins.EBPF)); ok {
				f(c)
			}
		}
	}, tune...)
	// The reader of the ring, as in Run; intervals end by order.
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.p.apps.run(ctx) }()
	p.close = sync.OnceFunc(func() {
		cancel()
		must(t, <-done)
		must(t, p.p.Close())
	})
	t.Cleanup(p.close)
	return p
}

func dns(c *plugins.EBPF)      { c.L7NetDisabled = nil }
func loopback(c *plugins.EBPF) { c.IncludeLoopback = true }

// Feed is the sink of the plugin.
func (p *packetWatch) Feed(_ context.Context, _ point.Category, points []point.Point) error {
	for _, pt := range points {
		r := row{}
		for _, t := range pt.Tags {
			r[t.Key] = t.Value
		}
		for _, f := range pt.Fields {
			switch f.Value.Kind() {
			case point.KindInt:
				r[f.Key] = f.Value.AsInt()
			case point.KindString:
				r[f.Key] = f.Value.AsString()
			case point.KindBool:
				r[f.Key] = f.Value.AsBool()
			}
		}
		p.rows[pt.Measurement] = append(p.rows[pt.Measurement], r)
	}
	return nil
}

// still runs f while the reader of the ring rests.
func (p *packetWatch) still(f func(*applications)) {
	p.p.apps.mu.Lock()
	defer p.p.apps.mu.Unlock()
	f(p.p.apps)
}

// report ends an interval, with what the ring holds at this moment.
func (p *packetWatch) report() {
	p.t.Helper()
	_, err := p.p.apps.drain()
	must(p.t, err)
	p.p.apps.expire()
	must(p.t, p.p.report(context.Background(), p, false))
}

// forget drops the points so far.
func (p *packetWatch) forget() { clear(p.rows) }

// counts sums httpflow of one direction at the server's port up, by "method
// path status", and by process.
func (p *packetWatch) counts(direction string, port int) (log map[string]int, pids map[string]int) {
	log, pids = map[string]int{}, map[string]int{}
	for _, r := range p.rows["httpflow"] {
		key := "dst_port"
		if direction == incoming {
			key = "src_port"
		}
		if r["direction"] != direction || r[key] != strconv.Itoa(port) {
			continue
		}
		n := r.int("count")
		log[fmt.Sprintf("%s %s %d", r.text("method"), r.text("path"), r.int("status_code"))] += n
		pids[r.text("pid")+" "+r.text("process_name")] += n
	}
	return log, pids
}

// compare reports what differs between two logs.
func compare(t testing.TB, what string, got, want map[string]int) {
	t.Helper()
	var b strings.Builder
	for k, n := range want {
		if got[k] != n {
			fmt.Fprintf(&b, "\n  %s: got %d, want %d", k, got[k], n)
		}
	}
	for k, n := range got {
		if _, ok := want[k]; !ok {
			fmt.Fprintf(&b, "\n  %s: got %d, want none", k, n)
		}
	}
	if b.Len() > 0 {
		t.Errorf("%s:%s", what, b.String())
	}
}

// tallyOf sums a log up.
func tallyOf(log map[string]int) (n int) {
	for _, c := range log {
		n += c
	}
	return n
}

// owner is how counts names the owner of a socket: pid and name.
func owner(t testing.TB, pid int) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	must(t, err)
	return fmt.Sprintf("%d %s", pid, strings.TrimSpace(string(b)))
}

// nothingLost checks that the books balance and that nothing was seen without
// being understood, but for the reasons given.
func (p *packetWatch) nothingLost(but ...string) {
	p.t.Helper()
	accounts := p.p.Accounts()
	if err := ledger.Check(accounts); err != nil {
		p.t.Error(err)
	}
	for _, a := range accounts {
		for _, e := range a.Out {
			if e.Name == "dropped" && e.Count != 0 && !slices.Contains(but, e.Reason) {
				p.t.Errorf("%s: %d dropped: %s", a.Name, e.Count, e.Reason)
			}
		}
	}
}

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

// sameTime is how far our latencies may be from tshark's in the median. The
// promise is 10 µs; a machine that does other things at the same time needs
// more from one hook to the other.
func sameTime() time.Duration {
	if proving {
		return 10 * time.Microsecond
	}
	return 50 * time.Microsecond
}
