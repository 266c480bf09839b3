package feed

import (
	"fmt"
	"testing"

	"datakit.dev/agent/internal/point"
)

func series(name string, time int64, tags ...string) *point.Point {
	p := &point.Point{Measurement: name, Time: time}
	for i := 0; i < len(tags); i += 2 {
		p.Tags = append(p.Tags, point.Tag{Key: tags[i], Value: tags[i+1]})
	}
	return p
}

func TestTwins(t *testing.T) {
	tw := newTwins()
	steps := []struct {
		what string
		p    *point.Point
		want int64
	}{
		{"first", series("m", 100, "a", "1", "b", "2"), 100},
		{"twin", series("m", 100, "a", "1", "b", "2"), 101},
		{"twin with its tags in another order", series("m", 100, "b", "2", "a", "1"), 102},
		{"twin with an empty tag", series("m", 100, "c", "", "a", "1", "b", "2"), 103},
		{"other value", series("m", 100, "a", "1", "b", "3"), 100},
		{"values exchanged", series("m", 100, "a", "2", "b", "1"), 100},
		{"key and value exchanged", series("m", 100, "1", "a", "2", "b"), 100},
		{"other measurement", series("n", 100, "a", "1", "b", "2"), 100},
		{"a time that a twin has got", series("m", 102, "a", "1", "b", "2"), 104},
		{"an earlier time", series("m", 99, "a", "1", "b", "2"), 99},
		{"its twin jumps over all", series("m", 99, "a", "1", "b", "2"), 105},
		{"and once more", series("m", 100, "a", "1", "b", "2"), 106},
	}
	for _, s := range steps {
		if tw.part(s.p); s.p.Time != s.want {
			t.Errorf("%s: time %d, want %d", s.what, s.p.Time, s.want)
		}
	}
}

// TestTwinsAreBounded: the memory is, and the youngest points are remembered.
func TestTwinsAreBounded(t *testing.T) {
	tw := newTwins()
	for i := range 5 * generation {
		tw.part(series("m", 1, "i", fmt.Sprint(i)))
		if n := len(tw.now) + len(tw.old); n > 2*generation {
			t.Fatalf("%d points remembered", n)
		}
		if i%1000 != 0 {
			continue
		}
		again := series("m", 1, "i", fmt.Sprint(max(0, i-generation/2)))
		if tw.part(again); again.Time == 1 {
			t.Fatalf("point %d: a twin of the last %d is not seen", i, generation)
		}
	}
}

// TestManyTwins: each of many twins has a time of its own, and finding it
// stays cheap (a search from the first each time would take 5e9 steps here).
func TestManyTwins(t *testing.T) {
	tw := newTwins()
	seen := map[int64]bool{}
	for range 100_000 {
		p := series("m", 1, "a", "b")
		tw.part(p)
		seen[p.Time] = true
	}
	if len(seen) != 100_000 {
		t.Errorf("%d times for 100000 twins", len(seen))
	}
}
