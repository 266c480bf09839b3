package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/internal/point"
)

func TestLines(t *testing.T) {
	tests := []struct {
		name     string
		category point.Category
		in       Lines
		points   int
		want     string
	}{
		{"as sent", point.Network, Lines{Body: []byte("m,a=b f=1.50 5\nm f=2 6\n")}, 2, "m,a=b,host=h f=1.50 5000000000\nm,host=h f=2 6000000000\n"},
		{"without global tags", point.Network, Lines{Body: []byte("m f=1 5"), Precision: point.Nanosecond, IgnoreGlobalTags: true}, 1, "m f=1 5\n"},
		{"time of receipt", point.Network, Lines{Body: []byte("m,host=x f=1")}, 1, "m,host=x f=1 1700000000000000005\n"},
		{"twins of clients stay", point.Network, Lines{Body: []byte("m,host=x f=1 5\nm,host=x f=2 5\n"), Precision: point.Nanosecond}, 2,
			"m,host=x f=1 5\nm,host=x f=2 5\n"},
		{"old and future times stay", point.Network, Lines{Body: []byte("m,host=x f=1 -5\nm,host=x f=1 9223372036854775807"), Precision: point.Nanosecond}, 2,
			"m,host=x f=1 -5\nm,host=x f=1 9223372036854775807\n"},
		{"rewritten", point.Logging, Lines{Body: []byte("m,host=x a.b=1 5"), Precision: point.Nanosecond}, 1, "m,host=x a_b=1,status=\"info\" 5\n"},
		{"no points", point.Network, Lines{Body: []byte("# nothing\n")}, 0, ""},
		{"nothing left", point.Metric, Lines{Body: []byte("m s=\"x\"")}, 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := time.Unix(1700000000, 5)
			f, m := newTestFeed(t, Config{Tags: map[string]string{"host": "h"}, Now: func() time.Time { return now }, Linger: time.Millisecond})
			n, err := f.Lines(t.Context(), tt.category, tt.in)
			if err != nil || n != tt.points {
				t.Fatalf("%d points, %v", n, err)
			}
			if got := string(m.all(t)); got != tt.want {
				t.Errorf("lines\n%s\nwant\n%s", got, tt.want)
			}
			finish(t, f, m)
		})
	}
}

func TestLinesRefusesBadBody(t *testing.T) {
	f, m := newTestFeed(t, Config{MaxPoints: 1})
	_, err := f.Lines(t.Context(), point.Network, Lines{Body: []byte("m f=1\nm f=2\nm f=")})
	var syntax *point.SyntaxError
	if !errors.As(err, &syntax) || syntax.Line != 3 {
		t.Errorf("error %v, want one at line 3", err)
	}
	if _, err := f.Lines(t.Context(), 99, Lines{Body: []byte("m f=1")}); err == nil {
		t.Error("an unknown category is accepted")
	}
	finish(t, f, m)
	if s := f.Stats(); s.Captured != 0 || len(m.blocks) != 0 {
		t.Errorf("stats %+v, %d blocks", s, len(m.blocks))
	}
}

func TestLinesCutsBlocks(t *testing.T) {
	line := "m f=1 5\n" // 8 bytes, 18 with the time in nanoseconds
	long := "m s=\"" + strings.Repeat("x", 100) + "\" 5\n"
	tests := []struct {
		name  string
		cfg   Config
		body  string
		sizes []int
	}{
		{"by points", Config{MaxPoints: 10}, strings.Repeat(line, 25), []int{5, 10, 10}},
		{"exactly full", Config{MaxPoints: 10}, strings.Repeat(line, 20), []int{10, 10}},
		{"by bytes", Config{MaxRaw: 20}, strings.Repeat(line, 5), []int{1, 2, 2}},
		{"a line too large goes alone", Config{MaxRaw: 20}, line + long + line + line, []int{1, 1, 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Linger = time.Millisecond
			f, m := newTestFeed(t, tt.cfg)
			n, err := f.Lines(t.Context(), point.Network, Lines{Body: []byte(tt.body), Precision: point.Nanosecond})
			if want := strings.Count(tt.body, "\n"); err != nil || n != want {
				t.Fatalf("%d points, %v, want %d", n, err, want)
			}
			got := m.sizes()
			slices.Sort(got)
			if !slices.Equal(got, tt.sizes) {
				t.Errorf("blocks of %v points, want %v", got, tt.sizes)
			}
			if got := m.all(t); !bytes.Equal(sorted(got), sorted([]byte(tt.body))) {
				t.Errorf("lines %s", got)
			}
			finish(t, f, m)
		})
	}
}

// TestLinesShare: posts of several clients share a block, and each is answered
// only when the block is durable.
func TestLinesShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := newTestFeed(t, Config{Linger: 5 * time.Millisecond})
		m.put = func(context.Context, int) error { time.Sleep(time.Second); return nil }
		began := time.Now()
		var clients sync.WaitGroup
		for i := range 10 {
			clients.Go(func() {
				time.Sleep(time.Duration(i) * 400 * time.Microsecond)
				if n, err := f.Lines(t.Context(), point.Network, Lines{Body: []byte("m f=1\nm f=2")}); n != 2 || err != nil {
					t.Error(n, err)
				}
				if d := time.Since(began); d != time.Second+5*time.Millisecond {
					t.Errorf("answer after %v", d)
				}
			})
		}
		clients.Wait()
		if got := m.sizes(); !slices.Equal(got, []int{20}) {
			t.Errorf("blocks of %v points", got)
		}
		finish(t, f, m)
	})
}

// TestLinesFails: a client learns that its points were not stored, and they do
// not count as captured. Another client's block is not affected.
func TestLinesFails(t *testing.T) {
	full := errors.New("full")
	f, m := newTestFeed(t, Config{MaxPoints: 2, Linger: time.Millisecond})
	m.put = func(_ context.Context, n int) error {
		if n == 1 {
			return fmt.Errorf("put: %w", full)
		}
		return nil
	}
	if _, err := f.Lines(t.Context(), point.Network, Lines{Body: []byte("m f=1\nm f=2")}); !errors.Is(err, full) {
		t.Errorf("error %v, want %v", err, full)
	}
	if s := f.Stats(); s.Captured != 0 {
		t.Errorf("stats %+v", s)
	}
	if n, err := f.Lines(t.Context(), point.Network, Lines{Body: []byte("m f=1\nm f=2")}); n != 2 || err != nil {
		t.Error(n, err)
	}
	finish(t, f, m)
}

// TestLinesLeaves: a client that goes away does not take its points back.
func TestLinesLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := newTestFeed(t, Config{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := f.Lines(ctx, point.Network, Lines{Body: []byte("m f=1")}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		finish(t, f, m)
		if s := f.Stats(); s.Captured != 1 || s.Emitted != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// TestCloseAnswersClients: Close does not wait for the linger time.
func TestCloseAnswersClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := newTestFeed(t, Config{Linger: time.Hour})
		answer := make(chan error)
		go func() {
			_, err := f.Lines(t.Context(), point.Network, Lines{Body: []byte("m f=1")})
			answer <- err
		}()
		synctest.Wait()
		finish(t, f, m)
		if err := <-answer; err != nil {
			t.Error(err)
		}
	})
}
