//go:build e2e

package e2e

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/point"
)

// What real backends answer is classified as the design says.
func TestRepliesOfRealBackends(t *testing.T) {
	dbs := databases(t)
	for _, db := range dbs {
		db.start(t)
	}
	const good, bad = "reply,x=1 v=1i 1795000000000000000\n", "reply v=\n"
	type want struct {
		verdict dataway.Verdict
		text    string // part of the error
	}
	tests := []struct {
		name, db, lines string
		influx, vm      want
	}{
		{"good", "e2e", good, want{dataway.Done, ""}, want{dataway.Done, ""}},
		{"malformed line among good ones", "e2e", good + bad, want{dataway.Bad, "unable to parse"}, want{dataway.Done, ""}}, // VictoriaMetrics skips it without a word
		{"conflict of types", "e2e", "reply,x=1 v=\"text\" 1795000000000000001\n", want{dataway.Bad, "partial write: field type conflict"}, want{dataway.Done, ""}},
		{"unknown database", "nowhere", good, want{dataway.Slow, "database not found"}, want{dataway.Done, ""}},
		{"no database", "", good, want{dataway.Slow, "database is required"}, want{dataway.Done, ""}},
	}
	for _, tt := range tests {
		for name, want := range map[string]want{"InfluxDB": tt.influx, "VictoriaMetrics": tt.vm} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				c, err := dataway.New(dataway.Target{Name: name, Kind: dataway.Influx1, URL: dbs[name].base(), DB: tt.db})
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				reply, err := c.Post(t.Context(), point.Network, point.Gzip, 2, [][]byte{zip(t, ""), zip(t, tt.lines)})
				if reply.Verdict != want.verdict || (err == nil) != (want.text == "") || (err != nil && !strings.Contains(err.Error(), want.text)) {
					t.Errorf("%v, %v; want %v, %q", reply.Verdict, err, want.verdict, want.text)
				}
				p, err := c.Probe(t.Context(), point.Network)
				if !p.Reachable() || p.Skew.Abs() > 2*time.Second {
					t.Errorf("probe: %+v, %v", p, err)
				}
				if ok := want.verdict != dataway.Slow; (err == nil) != ok {
					t.Errorf("probe: %v, want success: %v", err, ok)
				}
			})
		}
	}
}

// InfluxDB's second protocol, as VictoriaMetrics has it.
func TestSecondProtocol(t *testing.T) {
	db := newVictoria(t)
	db.start(t)
	c, err := dataway.New(dataway.Target{Name: "vm", Kind: dataway.Influx2, URL: db.base(), Org: "any", Bucket: "any", Token: "any"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if reply, err := c.Post(t.Context(), point.Network, point.Gzip, 2, [][]byte{zip(t, "second v=1i 1795000000000000000\n"), zip(t, "second v=2i 1795000000001000000\n")}); err != nil {
		t.Fatalf("%+v, %v", reply, err)
	}
	eventually(t, 15*time.Second, func() (bool, string) {
		found, err := db.ids("second")
		if err != nil {
			return false, err.Error()
		}
		return found[1] == 1 && found[2] == 1 && len(found) == 2, "the two points are not there"
	})
}

func zip(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
