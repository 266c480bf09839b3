package feed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/internal/point"
)

func somePoints(n int) []point.Point {
	pts := make([]point.Point, n)
	for i := range pts {
		pts[i] = point.Point{Measurement: "m", Tags: []point.Tag{{Key: "n", Value: fmt.Sprint(i)}},
			Fields: []point.Field{{Key: "f", Value: point.Int(int64(i))}}, Time: 1000}
	}
	return pts
}

func TestConfig(t *testing.T) {
	good := func() Config { return Config{Out: &memory{}, Book: (&memory{}).book} }
	for name, cfg := range map[string]Config{
		"no sink":      {},
		"MaxPoints":    {Out: &memory{}, MaxPoints: -1},
		"encoding":     {Out: &memory{}, Encoding: 9},
		"level":        {Out: &memory{}, Level: 10},
		"linger":       {Out: &memory{}, Linger: -1},
		"no book":      good(),
		"huge MaxRaw":  {Out: &memory{}, MaxRaw: 1 << 40},
		"huge window":  {Out: &memory{}, Window: 1 << 40},
		"minus window": {Out: &memory{}, Window: -1},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestFeedCutsBlocks(t *testing.T) {
	long := somePoints(1)
	long[0].Tags[0].Value = strings.Repeat("x", 400)
	tests := []struct {
		name  string
		cfg   Config
		pts   []point.Point
		sizes []int
	}{
		{"by points", Config{MaxPoints: 10}, somePoints(25), []int{10, 10, 5}},
		{"exactly full", Config{MaxPoints: 10}, somePoints(20), []int{10, 10}},
		{"by bytes", Config{MaxRaw: 40}, somePoints(5), []int{2, 2, 1}}, // "m,n=0 f=0i 1000\n" has 16 bytes
		{"one point too large", Config{MaxRaw: 40}, slices.Concat(somePoints(1), long, somePoints(4)[1:]), []int{1, 1, 2, 1}},
		{"zstd", Config{MaxPoints: 10, Encoding: point.Zstd}, somePoints(25), []int{10, 10, 5}},
		{"best gzip", Config{MaxPoints: 10, Level: 9}, somePoints(25), []int{10, 10, 5}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, m := newTestFeed(t, tt.cfg)
			var want []byte
			for _, p := range tt.pts {
				want, _ = point.AppendLine(want, &p, point.Network, nil, nil)
			}
			if err := f.Feed(t.Context(), point.Network, tt.pts); err != nil {
				t.Fatal(err)
			}
			finish(t, f, m)
			got := m.sizes()
			slices.Sort(got)
			slices.Sort(tt.sizes)
			if !slices.Equal(got, tt.sizes) {
				t.Errorf("blocks of %v points, want %v", got, tt.sizes)
			}
			// Blocks go out side by side, so their order is open.
			if !bytes.Equal(sorted(m.all(t)), sorted(want)) {
				t.Errorf("lines\n%s\nwant\n%s", m.all(t), want)
			}
		})
	}
}

func sorted(raw []byte) []byte {
	rows := bytes.SplitAfter(raw, []byte{'\n'})
	slices.SortFunc(rows, bytes.Compare)
	return bytes.Join(rows, nil)
}

func TestFeedLingers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := newTestFeed(t, Config{Linger: 200 * time.Millisecond})
		for range 3 {
			if err := f.Feed(t.Context(), point.Network, somePoints(2)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(60 * time.Millisecond)
		}
		synctest.Wait()
		if got := m.sizes(); len(got) != 0 {
			t.Fatalf("blocks %v after 180 ms", got)
		}
		if got := f.Stats().Pending; got != 6 {
			t.Errorf("%d pending, want 6", got)
		}
		balanced(t, m)
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		if got := m.sizes(); !slices.Equal(got, []int{6}) {
			t.Fatalf("blocks %v after 200 ms", got)
		}
		finish(t, f, m)
	})
}

func TestFeedAddsTimeAndTags(t *testing.T) {
	now := time.Unix(1700000000, 5)
	f, m := newTestFeed(t, Config{Tags: map[string]string{"host": "h"}, Now: func() time.Time { return now }})
	feed := func(p point.Point) {
		t.Helper()
		if err := f.Feed(t.Context(), point.Network, []point.Point{p}); err != nil {
			t.Fatal(err)
		}
	}
	one := []point.Field{{Key: "f", Value: point.Int(1)}}
	feed(point.Point{Measurement: "a", Fields: one})
	feed(point.Point{Measurement: "b", Tags: []point.Tag{{Key: "host", Value: "own"}}, Fields: one, Time: 7})
	f.SetTags(map[string]string{"zone": "z"})
	feed(point.Point{Measurement: "c", Fields: one, Time: 7})
	feed(point.Point{Measurement: "d", Fields: []point.Field{{Key: "f", Value: point.Float(math.NaN())}}})
	finish(t, f, m)
	want := "a,host=h f=1i 1700000000000000005\nb,host=own f=1i 7\nc,zone=z f=1i 7\n"
	if got := string(m.all(t)); got != want {
		t.Errorf("lines\n%s\nwant\n%s", got, want)
	}
	s := f.Stats()
	if s.Captured != 4 || s.Emitted != 3 || s.Dropped[DroppedNoFields] != 1 || s.Warnings[point.WarnNaN] != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestFeedKeep(t *testing.T) {
	f, m := newTestFeed(t, Config{Keep: func(c point.Category, p *point.Point) (bool, string) {
		switch p.Tags[0].Value {
		case "0", "1":
			return false, Filtered
		case "2":
			return false, Sampled
		case "3":
			return false, "limit"
		case "4":
			p.Tags[0].Value = "four"
		}
		return true, ""
	}})
	if err := f.Feed(t.Context(), point.Network, somePoints(6)); err != nil {
		t.Fatal(err)
	}
	finish(t, f, m)
	s := f.Stats()
	if s.Captured != 6 || s.Filtered != 2 || s.Sampled != 1 || s.Dropped["limit"] != 1 || s.Emitted != 2 {
		t.Errorf("stats %+v", s)
	}
	if got := string(m.all(t)); got != "m,n=four f=4i 1000\nm,n=5 f=5i 1000\n" {
		t.Errorf("lines %q", got)
	}
}

// TestFeedWaits: when the sink is slow, no more than the window is on its way
// and Feed waits; points of a call that gives up are not taken.
func TestFeedWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := newTestFeed(t, Config{MaxPoints: 1, Window: 3})
		var open atomic.Bool
		released := make(chan struct{})
		m.put = func(context.Context, int) error {
			if !open.Load() {
				<-released
			}
			return nil
		}
		for range 3 {
			if err := f.Feed(t.Context(), point.Network, somePoints(1)); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := f.Feed(ctx, point.Network, somePoints(1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a fourth block: %v", err)
		}
		if s := f.Stats(); s.Captured != 3 || s.Pending != 3 {
			t.Errorf("stats %+v", s)
		}
		waiting := make(chan error)
		go func() { waiting <- f.Feed(t.Context(), point.Network, somePoints(5)) }()
		synctest.Wait()
		open.Store(true)
		close(released)
		if err := <-waiting; err != nil {
			t.Error(err)
		}
		finish(t, f, m)
		if s := f.Stats(); s.Emitted != 8 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestFeedRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := newTestFeed(t, Config{MaxPoints: 10})
		m.put = func(_ context.Context, n int) error {
			if n <= 5 {
				return errors.New("no space left on device")
			}
			return nil
		}
		if err := f.Feed(t.Context(), point.Network, somePoints(10)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := m.sizes(); !slices.Equal(got, []int{10}) {
			t.Errorf("blocks %v", got)
		}
		finish(t, f, m)
	})
}

func TestFeedDropsWhatIsRefused(t *testing.T) {
	f, m := newTestFeed(t, Config{MaxPoints: 10})
	m.put = func(context.Context, int) error { return fmt.Errorf("put: %w", point.ErrRefused) }
	if err := f.Feed(t.Context(), point.Network, somePoints(10)); err != nil {
		t.Fatal(err)
	}
	finish(t, f, m)
	if s := f.Stats(); s.Dropped[DroppedRefused] != 10 {
		t.Errorf("stats %+v", s)
	}
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := newTestFeed(t, Config{MaxPoints: 4})
		m.put = func(context.Context, int) error { return errors.New("down") }
		if err := f.Feed(t.Context(), point.Network, somePoints(6)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		if err := f.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		if d := time.Since(began); d != time.Minute {
			t.Errorf("Close took %v", d)
		}
		balanced(t, m)
		if s := f.Stats(); s.Dropped[DroppedShutdown] != 6 || s.Pending != 0 {
			t.Errorf("stats %+v", s)
		}
		if err := f.Close(t.Context()); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if err := f.Feed(t.Context(), point.Network, somePoints(1)); !errors.Is(err, ErrClosed) {
			t.Errorf("Feed after Close: %v", err)
		}
		if _, err := f.Lines(t.Context(), point.Network, Lines{Body: []byte("m f=1")}); !errors.Is(err, ErrClosed) {
			t.Errorf("Lines after Close: %v", err)
		}
	})
}

// TestSilentSink: a sink that does not know of Accepted.
func TestSilentSink(t *testing.T) {
	f, m := newTestFeed(t, Config{})
	m.silent = true
	if err := f.Feed(t.Context(), point.Network, somePoints(3)); err != nil {
		t.Fatal(err)
	}
	finish(t, f, m)
	if s := f.Stats(); s.Emitted != 3 {
		t.Errorf("stats %+v", s)
	}
}

// TestConcurrency: collectors, clients, a failing sink, changes of the tags
// and Close at once. The ledger is checked all the while.
func TestConcurrency(t *testing.T) {
	f, m := newTestFeed(t, Config{MaxPoints: 50, Linger: time.Millisecond, Window: 4})
	m.put = func(_ context.Context, n int) error {
		if n%7 == 0 {
			return errors.New("now and then")
		}
		return nil
	}
	var fed, stored atomic.Int64
	enough, once := make(chan struct{}), sync.Once{}
	count := func(total *atomic.Int64, n int) {
		if total.Add(int64(n)) > 3000 {
			once.Do(func() { close(enough) })
		}
	}
	var producers sync.WaitGroup
	for i := range 4 {
		category := []point.Category{point.Network, point.Logging}[i%2]
		producers.Go(func() {
			for n := 1; ; n = n%60 + 1 {
				err := f.Feed(t.Context(), category, somePoints(n))
				if errors.Is(err, ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
				}
				count(&fed, n)
			}
		})
		producers.Go(func() {
			for n := 1; ; n = n%60 + 1 {
				body := bytes.Repeat([]byte("m,a=b f=1i,status=\"ok\"\n"), n)
				got, err := f.Lines(t.Context(), category, Lines{Body: body})
				if errors.Is(err, ErrClosed) {
					return
				}
				if err == nil && got != n {
					t.Errorf("%d points stored, want %d", got, n)
				}
				count(&stored, got)
			}
		})
	}
	stop := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				balanced(t, m)
				f.SetTags(map[string]string{"n": fmt.Sprint(i)})
			}
		}
	})
	<-enough
	finish(t, f, m)
	producers.Wait()
	close(stop)
	watcher.Wait()
	m.all(t)
	s := f.Stats()
	if s.Captured < fed.Load()+stored.Load() {
		t.Errorf("%d captured, %d fed and %d acknowledged", s.Captured, fed.Load(), stored.Load())
	}
	if s.Emitted != m.points || s.Captured != s.Emitted {
		t.Errorf("stats %+v, the sink has %d", s, m.points)
	}
}
