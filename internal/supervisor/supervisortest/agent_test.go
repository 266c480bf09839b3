package supervisortest

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"datakit.dev/agent/internal/point"
)

func TestAgentCountsWhatArrives(t *testing.T) {
	a := New(t)
	var payload bytes.Buffer
	z := gzip.NewWriter(&payload)
	if _, err := z.Write([]byte("m f=1i 1\nm f=1i 1\nm f=2i 2\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	accepted := 0
	env := a.Env()
	err := env.Blocks.Put(t.Context(), &point.Block{Payload: payload.Bytes(), Points: 3, Accepted: func() { accepted++ }})
	if err != nil {
		t.Fatal(err)
	}
	if lines := a.Lines(); a.Points() != 3 || lines["m f=1i 1\n"] != 2 || lines["m f=2i 2\n"] != 1 || accepted != 1 {
		t.Errorf("%d points, %v, accepted %d times", a.Points(), lines, accepted)
	}
	if err := a.Put(t.Context(), &point.Block{Payload: []byte("no gzip")}); err == nil || !strings.Contains(err.Error(), "gzip") && !strings.Contains(err.Error(), "EOF") {
		t.Errorf("a damaged block: %v", err)
	}
}

// fails keeps what a test would report.
type fails struct {
	testing.TB
	said int
}

func (f *fails) Helper()               {}
func (f *fails) Errorf(string, ...any) { f.said++ }

func TestSurvives(t *testing.T) {
	type block struct {
		A string `toml:"a"`
		B int    `toml:"b"`
	}
	f := &fails{TB: t}
	Survives(f, "i", &block{"x", 7}, &block{"default", 0})
	if f.said != 0 {
		t.Error("an equal block was refused")
	}
	type lossy struct {
		A string `toml:"a"`
		B int    `toml:"-"`
	}
	Survives(f, "i", &lossy{"x", 7}, &lossy{})
	if f.said != 1 {
		t.Error("what was lost on the way is not reported")
	}
}
