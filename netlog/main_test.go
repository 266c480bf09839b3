package netlog

import (
	"bytes"
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// collected is a sink that keeps what it gets.
type collected struct {
	mu    sync.Mutex
	pts   []point.Point
	lines []byte
}

func (c *collected) Feed(_ context.Context, category point.Category, pts []point.Point) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pts = append(c.pts, pts...)
	for i := range pts {
		c.lines, _ = point.AppendLine(c.lines, &pts[i], category, nil, nil)
	}
	return nil
}

// of returns the points of a measurement.
func (c *collected) of(name string) (pts []point.Point) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.pts {
		if p.Measurement == name {
			pts = append(pts, p)
		}
	}
	return pts
}

func tag(p point.Point, key string) string {
	for _, t := range p.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	return ""
}

func field(p point.Point, key string) (v point.Value) {
	for _, f := range p.Fields {
		if f.Key == key {
			return f.Value
		}
	}
	return v
}

func integer(p point.Point, key string) int64 { return field(p, key).AsInt() }

// settings is everything on.
func settings() PassConfig {
	c := plugins.DefaultEBPF()
	c.NetlogLog = true
	return PassConfig{Program: c, Table: DefaultTable(), Interval: time.Minute, On: Interface{
		Name: "eth0", MAC: clientMAC, Netns: 4026531840, NetnsDev: 4, Host: true,
	}}
}

// replayed reads a capture that make wrote.
func replayed(t *testing.T, cfg PassConfig, make func(*traffic)) (*collected, []ledger.Account) {
	t.Helper()
	var file bytes.Buffer
	f := newTraffic(t, &file, 65535)
	make(f)
	f.done()
	out := &collected{}
	accounts, err := Replay(t.Context(), &file, cfg, out)
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.Check(accounts); err != nil {
		t.Error(err)
	}
	return out, accounts
}

func entry(t *testing.T, accounts []ledger.Account, account, name, reason string) int64 {
	t.Helper()
	for _, a := range accounts {
		if a.Name != "events/"+Name+"/"+account {
			continue
		}
		for _, list := range [][]ledger.Entry{a.In, a.Out, a.Held} {
			for _, e := range list {
				if e.Name == name && e.Reason == reason {
					return e.Count
				}
			}
		}
	}
	t.Errorf("no %s (%s) in account %s", name, reason, account)
	return 0
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }
