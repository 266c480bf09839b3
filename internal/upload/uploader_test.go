package upload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

func TestMerge(t *testing.T) {
	g := func(n int) point.Block {
		return point.Block{Encoding: point.Gzip, Points: n, RawBytes: 100 * n, Payload: make([]byte, 10*n)}
	}
	plain := g(1)
	plain.Encoding = point.Identity
	tests := []struct {
		name   string
		cfg    Config
		single int
		blocks []point.Block
		want   int
	}{
		{"all", Config{}, 0, []point.Block{g(1), g(2), g(3)}, 3},
		{"one by one", Config{}, 2, []point.Block{g(1), g(2), g(3)}, 1},
		{"another encoding", Config{}, 0, []point.Block{g(1), plain, g(3)}, 1},
		{"points reach the bound", Config{MaxPoints: 3}, 0, []point.Block{g(1), g(2), g(3)}, 2},
		{"bytes reach the bound", Config{MaxBody: 59}, 0, []point.Block{g(1), g(2), g(3)}, 2},
		{"raw bytes reach the bound", Config{MaxRaw: 299}, 0, []point.Block{g(1), g(2), g(3)}, 1},
		{"first is beyond all bounds", Config{MaxRaw: 1, MaxBody: 1, MaxPoints: 1}, 0, []point.Block{g(5), g(1)}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Cursor = func(point.Category) Cursor { return newTape() }
			tt.cfg.defaults()
			w := newWorker(&tt.cfg, point.Network, nil)
			w.single = tt.single
			var entries []queue.Entry
			for _, b := range tt.blocks {
				entries = append(entries, queue.Entry{Block: b})
			}
			r := w.merge(entries)
			points := 0
			for _, b := range tt.blocks[:tt.want] {
				points += b.Points
			}
			if len(r.parts) != tt.want || r.points != points || r.bytes != 10*points || r.raw != 100*points {
				t.Errorf("merged %d of %d: %d points, %d bytes, %d raw", len(r.parts), len(tt.blocks), r.points, r.bytes, r.raw)
			}
		})
	}
}

func TestDeliversAtOnceInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{answer: script()}
		tp := newTape(block(t, point.Gzip, "a", "b"), block(t, point.Gzip, "c"))
		u, stop := start(t, Config{Post: b}, only(tp))
		began := time.Now()
		synctest.Wait()
		tp.put(block(t, point.Gzip, "d"))
		synctest.Wait()
		stop()
		got := b.seen()
		if len(got) != 2 || got[0].lines != "m v=\"a\" 1\nm v=\"b\" 2\nm v=\"c\" 1\n" || got[1].lines != "m v=\"d\" 1\n" || !got[1].at.Equal(began) {
			t.Errorf("got %+v", got)
		}
		if s := u.Stats()[point.Network]; s.Requests != 2 || s.Points != 4 || s.Bytes != int64(got[0].bytes+got[1].bytes) || s.Retries != 0 {
			t.Errorf("stats %+v", s)
		}
		if tp.uploaded != 4 {
			t.Errorf("%d points acknowledged", tp.uploaded)
		}
		if h := u.Health(); !h.LastSuccess.Equal(began) || h.Failures != 0 || h.LastError != "" || h.InFlight != 0 {
			t.Errorf("health %+v", h)
		}
	})
}

func TestRetriesWithGrowingDelays(t *testing.T) {
	after := func(d time.Duration) func() (dataway.Reply, error) {
		return func() (dataway.Reply, error) {
			return dataway.Reply{Verdict: dataway.Retry, Status: 429, After: d}, errors.New("not now")
		}
	}
	retry, slow := saying(dataway.Retry), saying(dataway.Slow)
	tests := []struct {
		name    string
		answers []func() (dataway.Reply, error)
		want    []time.Duration
	}{
		{"network or 5xx", []func() (dataway.Reply, error){retry, retry, retry, retry, retry}, []time.Duration{1e9, 2e9, 4e9, 4e9, 4e9}},
		{"Retry-After is honoured", []func() (dataway.Reply, error){after(7 * time.Second), after(time.Second)}, []time.Duration{7e9, 2e9}},
		{"401 and the like", []func() (dataway.Reply, error){slow, slow, slow, slow}, []time.Duration{10e9, 20e9, 30e9, 30e9}},
		{"mixed", []func() (dataway.Reply, error){retry, slow, retry}, []time.Duration{1e9, 10e9, 2e9}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &backend{answer: script(tt.answers...)}
				tp := newTape(block(t, point.Gzip, "a"))
				u, stop := start(t, Config{Post: b, Retry: Delays{time.Second, 8 * time.Second}, Slow: Delays{10 * time.Second, 60 * time.Second}}, only(tp))
				time.Sleep(time.Hour)
				stop()
				got := gaps(b.seen())
				if len(got) != len(tt.want) {
					t.Fatalf("%d attempts after the first, want %d", len(got), len(tt.want))
				}
				for i := range got {
					if got[i] != tt.want[i] {
						t.Errorf("delay %d is %v, want %v", i+1, got[i], tt.want[i])
					}
				}
				if s := u.Stats()[point.Network]; tp.uploaded != 1 || s.Retries != int64(len(tt.want)) {
					t.Errorf("uploaded %d, stats %+v", tp.uploaded, s)
				}
			})
		})
	}
}

// What arrives while the backend is down is merged when it is back.
func TestBacklogIsMerged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{answer: script(saying(dataway.Retry))}
		tp := newTape(block(t, point.Gzip, "a"))
		_, stop := start(t, Config{Post: b}, only(tp))
		synctest.Wait()
		tp.put(block(t, point.Gzip, "b"), block(t, point.Gzip, "c"))
		time.Sleep(time.Minute)
		stop()
		if got := b.seen(); len(got) != 2 || got[1].points != 3 {
			t.Errorf("got %+v", got)
		}
	})
}

// On a slow line bodies shrink until they get through in time.
func TestTimeoutsShrinkBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{answer: func(a attempt) (dataway.Reply, error) {
			if a.points > 2 {
				return dataway.Reply{}, fmt.Errorf("no reply: %w", context.DeadlineExceeded)
			}
			return done()
		}}
		tp := newTape()
		for range 16 {
			tp.put(block(t, point.Gzip, "a"))
		}
		_, stop := start(t, Config{Post: b}, only(tp))
		time.Sleep(time.Minute)
		stop()
		if tp.uploaded != 16 || len(b.seen()) != 3+8 { // 16, 8, 4 time out
			t.Errorf("%d uploaded in %d attempts", tp.uploaded, len(b.seen()))
		}
	})
}

func TestDeadCategoryDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{answer: func(a attempt) (dataway.Reply, error) {
			if a.category == point.Metric {
				return fails(dataway.Slow)
			}
			return done()
		}}
		dead, alive := newTape(block(t, point.Gzip, "a")), newTape(block(t, point.Gzip, "b"))
		u, stop := start(t, Config{Post: b}, map[point.Category]*tape{point.Metric: dead, point.Network: alive})
		synctest.Wait()
		if alive.uploaded != 1 || dead.uploaded != 0 {
			t.Errorf("uploaded %d and %d", alive.uploaded, dead.uploaded)
		}
		h := u.Health()
		if h.Alarm != "backend says slow" || h.Failures != 1 || !h.NextTry.Equal(time.Now().Add(5*time.Second)) {
			t.Errorf("health %+v", h)
		}
		stop()
	})
}

func TestStop(t *testing.T) {
	hang := func(release <-chan struct{}) Poster {
		return poster(func(ctx context.Context) (dataway.Reply, error) {
			select {
			case <-release:
				return done()
			case <-ctx.Done():
				return dataway.Reply{Verdict: dataway.Retry}, context.Cause(ctx)
			}
		})
	}
	t.Run("request under way may finish", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			tp := newTape(block(t, point.Gzip, "a"))
			_, stop := start(t, Config{Post: hang(release), Grace: 10 * time.Second}, only(tp))
			synctest.Wait()
			time.AfterFunc(9*time.Second, func() { close(release) })
			began := time.Now()
			stop()
			if d := time.Since(began); d != 9*time.Second || tp.uploaded != 1 {
				t.Errorf("stopped after %v with %d points uploaded", d, tp.uploaded)
			}
		})
	})
	t.Run("but not for ever", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tp := newTape(block(t, point.Gzip, "a"))
			u, stop := start(t, Config{Post: hang(nil), Grace: 10 * time.Second}, only(tp))
			synctest.Wait()
			if h := u.Health(); h.InFlight != 1 {
				t.Errorf("%d points in flight", h.InFlight)
			}
			began := time.Now()
			stop()
			if d := time.Since(began); d != 10*time.Second || tp.uploaded != 0 || tp.read != 0 {
				t.Errorf("stopped after %v with %d points uploaded, %d outstanding", d, tp.uploaded, tp.read)
			}
			if h := u.Health(); h.Failures != 0 {
				t.Errorf("being stopped counts as failure: %+v", h)
			}
		})
	})
	t.Run("at once while waiting", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tp := newTape(block(t, point.Gzip, "a"))
			_, stop := start(t, Config{Post: &backend{answer: func(attempt) (dataway.Reply, error) { return fails(dataway.Slow) }}}, only(tp))
			synctest.Wait()
			began := time.Now()
			stop()
			if d := time.Since(began); d != 0 {
				t.Errorf("stopped after %v", d)
			}
		})
	})
	t.Run("when the cursor is closed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			tp := newTape()
			u := New(Config{Backend: "b", Cursor: func(point.Category) Cursor { return tp }, Categories: []point.Category{point.Network}})
			time.AfterFunc(time.Second, tp.close)
			u.Run(t.Context())
		})
	})
}

// poster is a Poster that looks at the context only.
type poster func(context.Context) (dataway.Reply, error)

func (p poster) Post(ctx context.Context, _ point.Category, _ point.Encoding, _ int, _ [][]byte) (dataway.Reply, error) {
	return p(ctx)
}

func TestQueueErrorIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tp := newTape(block(t, point.Gzip, "a"))
		tp.fault = errors.New("input/output error")
		u, stop := start(t, Config{Post: &backend{answer: script()}}, only(tp))
		synctest.Wait()
		if h := u.Health(); h.Failures != 1 || h.LastError != "input/output error" {
			t.Errorf("health %+v", h)
		}
		time.Sleep(time.Minute)
		stop()
		if tp.uploaded != 1 {
			t.Error("nothing uploaded")
		}
	})
}

// A period of failures makes two log lines, one more when it is an alarm.
func TestLog(t *testing.T) {
	warned := func() (dataway.Reply, error) {
		return dataway.Reply{Verdict: dataway.Done, Warning: "read ca.pem: permission denied"}, nil
	}
	tests := []struct {
		name    string
		answers []func() (dataway.Reply, error)
		want    []string
	}{
		{"retries", []func() (dataway.Reply, error){saying(dataway.Retry), saying(dataway.Retry), saying(dataway.Retry)},
			[]string{"level=WARN msg=\"backend does not take data, trying again\" backend=test", "level=INFO msg=\"backend takes data again\" backend=test after=3.5s"}},
		{"alarm", []func() (dataway.Reply, error){saying(dataway.Slow), saying(dataway.Slow)},
			[]string{"level=ERROR msg=\"backend needs attention", "level=INFO"}},
		{"retry becomes alarm", []func() (dataway.Reply, error){saying(dataway.Retry), saying(dataway.Slow), saying(dataway.Retry)},
			[]string{"level=WARN", "level=ERROR", "level=INFO"}},
		{"refused", []func() (dataway.Reply, error){saying(dataway.Bad), saying(dataway.Bad), saying(dataway.Bad)},
			[]string{"level=WARN msg=\"backend refuses points for good\" backend=test category=network reason=rejected points=1 kept=false"}},
		{"stale certificate", []func() (dataway.Reply, error){warned, warned, warned},
			[]string{"level=WARN msg=\"backend uses what it read before\" backend=test error=\"read ca.pem: permission denied\""}},
		{"nothing", nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, out := logged()
				tp := newTape()
				_, stop := start(t, Config{Post: &backend{answer: script(tt.answers...)}, Log: log}, only(tp))
				for range 4 {
					tp.put(block(t, point.Gzip, "a"))
					time.Sleep(time.Minute)
				}
				stop()
				lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
				if out.Len() == 0 {
					lines = nil
				}
				if len(lines) != len(tt.want) {
					t.Fatalf("%d lines, want %d:\n%s", len(lines), len(tt.want), out)
				}
				for i, want := range tt.want {
					if !strings.Contains(lines[i], want) {
						t.Errorf("line %d is\n%s\nwant\n%s", i+1, lines[i], want)
					}
				}
			})
		})
	}
}
