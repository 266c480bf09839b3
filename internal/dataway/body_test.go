package dataway

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"datakit.dev/agent/internal/point"
)

func TestBody(t *testing.T) {
	tests := []struct {
		name  string
		parts []string
	}{
		{"nothing", nil},
		{"one", []string{"abc"}},
		{"several, some empty", []string{"", "abc", "", "", "d", strings.Repeat("x", 5000), ""}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var parts [][]byte
			for _, p := range tt.parts {
				parts = append(parts, []byte(p))
			}
			want := strings.Join(tt.parts, "")
			if err := iotest.TestReader((&body{parts: parts}).reader(), []byte(want)); err != nil {
				t.Error(err)
			}
			if got := size(parts); got != int64(len(want)) {
				t.Errorf("size is %d, want %d", got, len(want))
			}
		})
	}
}

func TestReleasedBodyIsNotRead(t *testing.T) {
	b := &body{parts: [][]byte{[]byte("abc")}}
	r := b.reader()
	if n, _ := r.Read(make([]byte, 1)); n != 1 {
		t.Fatal("nothing to read")
	}
	b.release()
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("read %d bytes (%v) of a released body", n, err)
	}
}

// Several gzip members posted as one body decode to exactly the lines, in
// order, for the standard library's gzip and InfluxDB's own decoder.
func TestConcatenatedMembersDecode(t *testing.T) {
	var got []int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		dec := lineprotocol.NewDecoder(z)
		for dec.Next() {
			if _, err = dec.Measurement(); err != nil {
				break
			}
			for {
				key, value, err := dec.NextField()
				if err != nil {
					http.Error(w, err.Error(), http.StatusBadRequest)
					return
				}
				if key == nil {
					break
				}
				got = append(got, value.IntV())
			}
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	const blocks, lines = 20, 100
	var parts [][]byte
	for b := range int64(blocks) {
		var text strings.Builder
		for l := range int64(lines) {
			fmt.Fprintf(&text, "m,host=h v=%di %d\n", b*lines+l, 1_700_000_000_000_000_000+l)
		}
		parts = append(parts, gzipped(t, text.String()))
	}
	if _, err := client(t, Target{Kind: Influx1, URL: s.URL}).Post(t.Context(), point.Network, point.Gzip, blocks*lines, parts); err != nil {
		t.Fatal(err)
	}
	if len(got) != blocks*lines {
		t.Fatalf("%d lines arrived, want %d", len(got), blocks*lines)
	}
	for i, v := range got {
		if v != int64(i) {
			t.Fatalf("line %d holds %d", i, v)
		}
	}
}

func BenchmarkPost(b *testing.B) {
	s := newDiscardServer(b)
	c, err := New(Target{Kind: Dataway, URL: s})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	part := make([]byte, 32<<10)
	parts := [][]byte{part, part, part, part}
	b.SetBytes(size(parts))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Post(b.Context(), point.Network, point.Gzip, 4000, parts); err != nil {
			b.Fatal(err)
		}
	}
}

func newDiscardServer(b *testing.B) (url string) {
	b.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	b.Cleanup(s.Close)
	return s.URL
}
