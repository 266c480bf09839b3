package queue

import (
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

// stopped makes a stopped queue: 24 blocks of 2 points in six segments, written
// a minute apart; "a" has 4 delivered, "b" none. Logging has one block.
func stopped(t *testing.T) Config {
	t.Helper()
	now := time.Unix(0, 0)
	cfg := Config{Dir: memoryDir(t), SegmentBytes: minSegment, SyncInterval: time.Hour, Now: func() time.Time { return now }}
	q := open(t, cfg, "a", "b")
	for n := range uint64(24) {
		now = now.Add(time.Minute)
		put(t, q, numbered(point.Metric, n+1, 2, 1000))
	}
	put(t, q, numbered(point.Logging, 1, 5, 1000))
	a := q.Cursor("a", point.Metric)
	a.Ack(len(ready(t, a)))
	recount(t, q)
	return cfg
}

func TestOfflineToolsKeepOffARunningQueue(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SyncInterval: time.Hour}
	q := open(t, cfg, "a")
	tools := map[string]func() error{
		"inspect": func() error { _, err := Inspect(cfg.Dir); return err },
		"repair":  func() error { _, err := Repair(cfg.Dir, cfg.Log); return err },
		"purge":   func() error { _, err := Purge(cfg.Dir, Filter{}); return err },
		"blocks": func() (err error) {
			for _, err = range Blocks(cfg.Dir, Filter{}) {
			}
			return err
		},
	}
	for name, tool := range tools {
		t.Run(name, func(t *testing.T) { wantError(t, tool(), ErrLocked) })
	}
	closeQueue(t, q)
	for name, tool := range tools {
		if err := tool(); err != nil {
			t.Errorf("%s of a stopped queue: %v", name, err)
		}
	}
	_, err := Inspect(t.TempDir())
	wantError(t, err, os.ErrNotExist)
	if !strings.Contains(err.Error(), "no queue in") {
		t.Errorf("error = %v", err)
	}
}

func TestInspect(t *testing.T) {
	cfg := stopped(t)
	r, err := Inspect(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	record := int64(headerSize + 1008)
	l := logOf(t, r, point.Metric)
	if l.Segments != 6 || l.Records != 24 || l.Points != 48 || l.Bytes != 24*record ||
		l.Oldest.Unix() != 60 || l.Newest.Unix() != 24*60 || l.DamagedRegions != 0 || l.MissingRecords != 0 {
		t.Errorf("log = %+v", l)
	}
	a := backendOf(t, r, "a", point.Metric)
	if a.Records != 20 || a.Points != 40 || a.Bytes != 20*record || a.Oldest.Unix() != 5*60 {
		t.Errorf("a = %+v", a)
	}
	if b := backendOf(t, r, "b", point.Metric); b.Records != 24 || b.Oldest.Unix() != 60 {
		t.Errorf("b = %+v", b)
	}

	flip(t, segmentPath(cfg.Dir+"/metric", 9), record+60) // payload of 10
	if r, err = Inspect(cfg.Dir); err != nil {
		t.Fatal(err)
	}
	l = logOf(t, r, point.Metric)
	if l.Records != 23 || l.DamagedRegions != 1 || l.DamagedBytes != record || l.MissingRecords != 1 || l.MissingPoints != 2 {
		t.Errorf("log with damage = %+v", l)
	}
	if a := backendOf(t, r, "a", point.Metric); a.Points != 38 || a.MissingPoints != 2 || a.MissingRecords != 1 {
		t.Errorf("a with damage = %+v", a)
	}
}

func numbersOf(t *testing.T, dir string, f Filter) (numbers []uint64) {
	t.Helper()
	for e, err := range Blocks(dir, f) {
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, numberOf(t, e))
	}
	return numbers
}

func TestBlocks(t *testing.T) {
	cfg := stopped(t)
	tests := map[string]struct {
		filter Filter
		want   []uint64
	}{
		"all":         {Filter{}, append(sequence(1, 24), 1)},
		"category":    {Filter{Category: point.Logging}, sequence(1, 1)},
		"backend":     {Filter{Category: point.Metric, Backend: "a"}, sequence(5, 24)},
		"before":      {Filter{Category: point.Metric, Before: time.Unix(10*60, 0)}, sequence(1, 9)},
		"no such log": {Filter{Category: point.RUM}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := numbersOf(t, cfg.Dir, test.filter); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	for range Blocks(cfg.Dir, Filter{}) {
		break // releases the lock
	}
	for _, err := range Blocks(cfg.Dir, Filter{Backend: "c"}) {
		if err == nil || !strings.Contains(err.Error(), `backend "c" has no cursor`) || !strings.Contains(err.Error(), "there are: a, b") {
			t.Errorf("error = %v", err)
		}
	}
	flip(t, segmentPath(cfg.Dir+"/metric", 1), 100)
	if got := numbersOf(t, cfg.Dir, Filter{Category: point.Metric}); !slices.Equal(got, sequence(2, 24)) {
		t.Errorf("with damage: %v", got)
	}
}

func TestPurge(t *testing.T) {
	tests := map[string]struct {
		filter   Filter
		purged   map[string]int64 // points of Metric
		a, b     uint64           // first left
		segments int
	}{
		"everything":         {Filter{}, map[string]int64{"a": 40, "b": 48}, 25, 25, 0},
		"one backend":        {Filter{Backend: "b"}, map[string]int64{"b": 48}, 5, 25, 5},
		"older than":         {Filter{Before: time.Unix(13*60, 0)}, map[string]int64{"a": 16, "b": 24}, 13, 13, 3},
		"other category":     {Filter{Category: point.Logging}, nil, 5, 1, 6},
		"older, one backend": {Filter{Backend: "b", Before: time.Unix(3*60, 0)}, map[string]int64{"b": 4}, 5, 3, 6},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := stopped(t)
			all, err := Purge(cfg.Dir, test.filter)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int64{}
			for _, p := range all {
				if p.Category == point.Metric {
					got[p.Backend] = p.Points
				}
			}
			for backend, want := range test.purged {
				if got[backend] != want {
					t.Errorf("purged %v, want %v", got, test.purged)
				}
			}
			r, err := Inspect(cfg.Dir)
			if err != nil {
				t.Fatal(err)
			}
			if l := logOf(t, r, point.Metric); l.Segments != test.segments {
				t.Errorf("%d segments are left, want %d", l.Segments, test.segments)
			}
			q := open(t, cfg, "a", "b")
			for backend, first := range map[string]uint64{"a": test.a, "b": test.b} {
				put(t, q, numbered(point.Metric, 25, 2, 1000))
				if got := drain(t, q.Cursor(backend, point.Metric)); got[0] != first {
					t.Errorf("%s goes on with %d, want %d", backend, got[0], first)
				}
				stats(t, q, backend, point.Metric)
			}
		})
	}
}

func TestRepair(t *testing.T) {
	cfg := stopped(t)
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	record := int64(headerSize + 1008)
	flip(t, segmentPath(cfg.Dir+"/metric", 9), record+10) // header of 10
	flip(t, segmentPath(cfg.Dir+"/metric", 13), 100)      // payload of 13
	if err := os.WriteFile(segmentPath(cfg.Dir+"/metric", 17), []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segmentPath(cfg.Dir+"/metric", 21), 4*record-7); err != nil {
		t.Fatal(err)
	}
	for _, off := range []int64{20, slotDistance + 20} {
		flip(t, cursorPath(cfg.Dir+"/metric", "b"), off)
	}
	got, err := Repair(cfg.Dir, log)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Repaired{Regions: 2, Bytes: 2 * record, Segments: 3, SegmentsGone: 1, TornBytes: record - 7, Cursors: 1}); got != want {
		t.Errorf("repaired %+v, want %+v", got, want)
	}
	if again, err := Repair(cfg.Dir, log); err != nil || again != (Repaired{}) {
		t.Errorf("a second repair: %+v, %v", again, err)
	}
	r, err := Inspect(cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if l := logOf(t, r, point.Metric); l.DamagedRegions != 0 || l.TornBytes != 0 || l.Records != 17 || l.MissingRecords != 6 {
		t.Errorf("after the repair: %+v", l)
	}
	if r.AsideFiles != 4 {
		t.Errorf("%d files are set aside", r.AsideFiles)
	}
	q := open(t, cfg, "a", "b")
	left := slices.DeleteFunc(sequence(1, 23), func(n uint64) bool { return n == 10 || n == 13 || n >= 17 && n <= 20 })
	if got := drain(t, q.Cursor("b", point.Metric)); !slices.Equal(got, left) {
		t.Errorf("b got %v", got)
	}
	if got := drain(t, q.Cursor("a", point.Metric)); !slices.Equal(got, left[4:]) {
		t.Errorf("a got %v", got)
	}
	if s := stats(t, q, "a", point.Metric); s.Dropped[Damaged] != 12 || q.Stats().DamagedRegions != 0 {
		t.Errorf("stats = %+v", s)
	}
	recount(t, q)
}
