package dataway

import (
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

func TestProbe(t *testing.T) {
	tests := []struct {
		name      string
		status    int
		ahead     time.Duration
		reachable bool
		ok        bool
	}{
		{"healthy", 204, 0, true, true},
		{"dislikes empty bodies", 400, 0, true, true},
		{"clock ahead", 204, time.Hour, true, true},
		{"clock behind", 204, -time.Hour, true, true},
		{"token refused", 403, 0, true, false},
		{"overloaded", 503, 0, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var length int64 = -1
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				length = int64(len(body))
				w.Header().Set("Date", time.Now().Add(tt.ahead).UTC().Format(http.TimeFormat))
				w.WriteHeader(tt.status)
			})
			p, err := client(t, Target{Kind: Influx1, URL: s.URL, DB: "x"}).Probe(t.Context(), point.Network)
			if (err == nil) != tt.ok || p.Reachable() != tt.reachable || p.Status != tt.status {
				t.Errorf("%+v, %v", p, err)
			}
			if off := p.Skew - tt.ahead; off.Abs() > time.Second/2+p.Latency || p.Latency <= 0 {
				t.Errorf("clock differs by %v, want %v; latency %v", p.Skew, tt.ahead, p.Latency)
			}
			if length != 0 {
				t.Errorf("sent %d bytes", length)
			}
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		p, err := client(t, Target{Kind: Influx1, URL: "http://127.0.0.1:1"}).Probe(t.Context(), point.Network)
		if err == nil || p.Reachable() || p.Skew != 0 {
			t.Errorf("%+v, %v", p, err)
		}
	})
	t.Run("local store", func(t *testing.T) {
		dir := filepath.Join(t.TempDir(), "store")
		p, err := client(t, Target{Kind: File, Dir: dir}).Probe(t.Context(), point.Network)
		if err != nil || !p.Reachable() {
			t.Errorf("%+v, %v", p, err)
		}
		if names, _ := list(t, dir); len(names) != 0 {
			t.Errorf("files %v", names)
		}
	})
}
