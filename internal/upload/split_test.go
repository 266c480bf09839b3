package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/point"
)

// deadLetters is a store in a folder of the test.
func deadLetters(t *testing.T) (store *dataway.Store, content func() string) {
	t.Helper()
	dir := t.TempDir()
	store, err := dataway.NewStore(dataway.StoreConfig{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return store, func() string {
		files, err := filepath.Glob(filepath.Join(dir, "network-*.lp"))
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
		return all.String()
	}
}

// limited takes bodies up to max bytes of lines and refuses lines with "bad".
func limited(max int, taken *strings.Builder) func(attempt) (dataway.Reply, error) {
	return func(a attempt) (dataway.Reply, error) {
		switch {
		case len(a.lines) > max:
			return fails(dataway.TooLarge)
		case strings.Contains(a.lines, "bad"):
			return fails(dataway.Bad)
		}
		taken.WriteString(a.lines)
		return done()
	}
}

func texts(n int, prefix string) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf("%s%03d", prefix, i))
	}
	return all
}

func TestRefusals(t *testing.T) {
	huge := strings.Repeat("x", 300)
	tests := []struct {
		name     string
		blocks   []point.Block
		dropped  map[string]int64
		attempts int    // the most that may be needed
		dead     string // what the dead letters hold
	}{
		{"blocks that fit", []point.Block{block(t, point.Gzip, "a"), block(t, point.Gzip, "b")}, nil, 1, ""},
		{"merged body is too large", []point.Block{block(t, point.Gzip, texts(12, "a")...), block(t, point.Gzip, texts(12, "b")...)}, nil, 3, ""},
		{"block is too large", []point.Block{block(t, point.Gzip, texts(40, "a")...)}, nil, 15, ""},
		{"plain block is too large", []point.Block{block(t, point.Identity, texts(40, "a")...)}, nil, 15, ""},
		{"zstd block is too large", []point.Block{block(t, point.Zstd, texts(40, "a")...)}, nil, 15, ""},
		{"odd number of lines", []point.Block{block(t, point.Gzip, texts(37, "a")...)}, nil, 15, ""},
		{"line is too large", []point.Block{block(t, point.Gzip, huge)}, map[string]int64{TooLarge: 1}, 1, "m v=\"" + huge + "\" 1\n"},
		{"one of many lines is too large", []point.Block{block(t, point.Gzip, "a", "b", huge, "d", "e")},
			map[string]int64{TooLarge: 1}, 7, "m v=\"" + huge + "\" 3\n"},
		{"all lines are too large", []point.Block{block(t, point.Gzip, huge, huge)}, map[string]int64{TooLarge: 2}, 3,
			"m v=\"" + huge + "\" 1\nm v=\"" + huge + "\" 2\n"},
		{"newlines within strings", []point.Block{block(t, point.Identity, texts(10, "first\nsecond = 1 2\n")...)}, nil, 7, ""},
		{"bad block alone", []point.Block{block(t, point.Gzip, "bad")}, map[string]int64{Rejected: 1}, 1, "m v=\"bad\" 1\n"},
		{"bad block among good ones", []point.Block{block(t, point.Gzip, "a"), block(t, point.Gzip, "bad", "b"), block(t, point.Gzip, "c")},
			map[string]int64{Rejected: 2}, 4, "m v=\"bad\" 1\nm v=\"b\" 2\n"},
		{"bad line in a block that is too large", []point.Block{block(t, point.Gzip, append(texts(15, "a"), "bad")...)},
			map[string]int64{Rejected: 8}, 3, "m v=\"a008\" 9\nm v=\"a009\" 10\nm v=\"a010\" 11\nm v=\"a011\" 12\nm v=\"a012\" 13\nm v=\"a013\" 14\nm v=\"a014\" 15\nm v=\"bad\" 16\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var points int
			var want strings.Builder
			for i := range tt.blocks {
				b := &tt.blocks[i]
				points += b.Points
				// Newlines within strings stay as they are.
				if b.Encoding == point.Identity {
					b.Payload = []byte(strings.ReplaceAll(string(b.Payload), `\n`, "\n"))
					b.RawBytes = len(b.Payload)
				}
				want.Write(unpack(b.Encoding, b.Payload))
			}
			store, dead := deadLetters(t)
			defer store.Close()
			synctest.Test(t, func(t *testing.T) {
				var taken strings.Builder
				b := &backend{answer: limited(200, &taken)}
				tp := newTape(tt.blocks...)
				u, stop := start(t, Config{Post: b, DeadLetters: store}, only(tp))
				synctest.Wait()
				stop()
				if got := len(b.seen()); got > tt.attempts {
					t.Errorf("%d attempts, want at most %d", got, tt.attempts)
				}
				if !maps.Equal(tp.dropped, tt.dropped) && len(tp.dropped)+len(tt.dropped) > 0 {
					t.Errorf("dropped %v, want %v", tp.dropped, tt.dropped)
				}
				if sum := tp.uploaded + int(tp.dropped[TooLarge]+tp.dropped[Rejected]); sum != points || tp.pos != len(tt.blocks) {
					t.Errorf("%d of %d points accounted, %d of %d blocks settled", sum, points, tp.pos, len(tt.blocks))
				}
				if got := dead(); got != tt.dead {
					t.Errorf("dead letters\n%swant\n%s", got, tt.dead)
				}
				if got := taken.String() + tt.dead; !sameLines(got, want.String()) {
					t.Errorf("the backend and the dead letters have\n%swant\n%s", got, want.String())
				}
				s := u.Stats()[point.Network]
				if !maps.Equal(s.DeadLetters, tp.dropped) || s.Unsaved != 0 || s.Retries != 0 {
					t.Errorf("stats %+v", s)
				}
			})
		})
	}
}

// sameLines compares line by line, in any order.
func sameLines(a, b string) bool {
	sorted := func(s string) []string {
		lines := strings.SplitAfter(s, "\n")
		slices.Sort(lines)
		return lines
	}
	return slices.Equal(sorted(a), sorted(b))
}

// InfluxDB writes the good points of a body and says how many were not.
func TestPartialWrite(t *testing.T) {
	store, dead := deadLetters(t)
	defer store.Close()
	partial := func(n int) func() (dataway.Reply, error) {
		return func() (dataway.Reply, error) {
			return dataway.Reply{Verdict: dataway.Bad, Status: 400, Rejected: n}, errors.New("partial write")
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b := &backend{answer: script(partial(2), partial(2), saying(dataway.TooLarge), partial(1), partial(7))}
		tp := newTape(block(t, point.Identity, "a", "b", "c"), block(t, point.Identity, "d", "e", "f", "g"))
		u, stop := start(t, Config{Post: b, DeadLetters: store}, only(tp))
		synctest.Wait()
		stop()
		// Together; the first alone; the second alone is halved: one of "d", "e" and both of "f", "g".
		if tp.dropped[Rejected] != 5 || tp.uploaded != 2 {
			t.Errorf("uploaded %d, dropped %v", tp.uploaded, tp.dropped)
		}
		if s := u.Stats()[point.Network]; s.DeadLetters[Rejected] != 5 || s.Points != 2 {
			t.Errorf("stats %+v", s)
		}
		if n := strings.Count(dead(), "\n"); n != 7 {
			t.Errorf("%d lines are kept, want all 7", n)
		}
	})
}

// A limit that was found is kept, and tried again after an hour.
func TestLimitIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken strings.Builder
		b := &backend{answer: limited(200, &taken)}
		tp := newTape()
		_, stop := start(t, Config{Post: b}, only(tp))
		put := func() {
			tp.put(block(t, point.Identity, texts(12, "a")...), block(t, point.Identity, texts(12, "b")...))
			time.Sleep(time.Minute)
		}
		put()
		put()
		if got := len(b.seen()); got != 5 { // merged, two alone; two alone
			t.Errorf("%d attempts", got)
		}
		time.Sleep(2 * time.Hour)
		put() // is waited for with the old limit
		put()
		if got := len(b.seen()); got != 10 {
			t.Errorf("%d attempts after two hours", got)
		}
		stop()
	})
}

func TestSplitWaitsOutFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var taken strings.Builder
		within := limited(200, &taken)
		failures := 0
		b := &backend{answer: func(a attempt) (dataway.Reply, error) {
			if len(a.lines) <= 200 && failures < 3 {
				failures++
				return fails(dataway.Retry)
			}
			return within(a)
		}}
		tp := newTape(block(t, point.Gzip, texts(12, "a")...))
		u, stop := start(t, Config{Post: b}, only(tp))
		time.Sleep(time.Hour)
		stop()
		if s := u.Stats()[point.Network]; tp.uploaded != 12 || s.Points != 12 || s.Retries != 3 {
			t.Errorf("uploaded %d, stats %+v", tp.uploaded, s)
		}
	})
}

func TestSplitStopsWithoutLosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{answer: func(a attempt) (dataway.Reply, error) {
			if a.points > 6 {
				return fails(dataway.TooLarge)
			}
			return fails(dataway.Retry)
		}}
		tp := newTape(block(t, point.Gzip, texts(12, "a")...))
		_, stop := start(t, Config{Post: b}, only(tp))
		time.Sleep(time.Minute)
		stop()
		if tp.pos != 0 || tp.read != 0 || tp.uploaded != 0 {
			t.Errorf("settled %d, outstanding %d, uploaded %d", tp.pos, tp.read, tp.uploaded)
		}
	})
}

func TestDamagedBlockDoesNotBlock(t *testing.T) {
	short := block(t, point.Gzip, "a", "b")
	short.RawBytes--
	lacking := block(t, point.Gzip, "a", "b")
	lacking.Points = 3
	for name, damaged := range map[string]point.Block{
		"not gzip":              {Category: point.Network, Encoding: point.Gzip, Points: 2, RawBytes: 10, Payload: []byte("not gzip at all")},
		"not zstd":              {Category: point.Network, Encoding: point.Zstd, Points: 2, RawBytes: 10, Payload: []byte("not zstd at all")},
		"not line protocol":     {Category: point.Network, Encoding: point.Identity, Points: 2, RawBytes: 3, Payload: []byte("a b")},
		"longer than it says":   short,
		"fewer lines than said": lacking,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tp := newTape(damaged, block(t, point.Gzip, "a"))
				u, stop := start(t, Config{Post: tooLargeFor(damaged.Payload)}, only(tp))
				synctest.Wait()
				stop()
				if s := u.Stats()[point.Network]; tp.dropped[Damaged] != int64(damaged.Points) || tp.uploaded != 1 || s.Unsaved != int64(damaged.Points) {
					t.Errorf("dropped %v, uploaded %d, stats %+v", tp.dropped, tp.uploaded, s)
				}
			})
		})
	}
}

// tooLargeFor is a Poster that takes all but bodies with this payload.
type tooLargeFor []byte

func (p tooLargeFor) Post(_ context.Context, _ point.Category, _ point.Encoding, _ int, parts [][]byte) (dataway.Reply, error) {
	if slices.ContainsFunc(parts, func(part []byte) bool { return bytes.Equal(part, p) }) {
		return fails(dataway.TooLarge)
	}
	return done()
}

// A full disk does not hold up a category behind a block that is refused.
func TestDeadLettersThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &backend{answer: script(saying(dataway.Bad))}
		tp := newTape(block(t, point.Gzip, "a", "b"))
		u, stop := start(t, Config{Post: b, DeadLetters: fullDisk{}}, only(tp))
		synctest.Wait()
		if h := u.Health(); h.Alarm != "refuses points for good: backend says bad" || h.Failures != 0 {
			t.Errorf("health %+v", h)
		}
		tp.put(block(t, point.Gzip, "c"))
		synctest.Wait()
		if h := u.Health(); h.Alarm != "" {
			t.Errorf("health %+v", h)
		}
		stop()
		if s := u.Stats()[point.Network]; s.Unsaved != 2 || s.DeadLetters[Rejected] != 2 || tp.dropped[Rejected] != 2 {
			t.Errorf("stats %+v, dropped %v", s, tp.dropped)
		}
	})
}

type fullDisk struct{}

func (fullDisk) Write(point.Category, point.Encoding, int, [][]byte) error {
	return errors.New("no space left on device")
}
