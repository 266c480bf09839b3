package queue

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

func TestBackendsComeAndGo(t *testing.T) {
	tests := map[string]struct {
		before, after []string
		want          map[string]uint64 // first block each gets; 1-10 put before (1-4 delivered to a), 11 after
	}{
		"added later: from now on":          {[]string{"a"}, []string{"a", "new"}, map[string]uint64{"a": 5, "new": 11}},
		"nothing changes":                   {[]string{"a", "b"}, []string{"b", "a"}, map[string]uint64{"a": 5, "b": 1}},
		"all replaced: taken over":          {[]string{"a"}, []string{"new"}, map[string]uint64{"new": 5}},
		"all replaced: the furthest behind": {[]string{"a", "b"}, []string{"new"}, map[string]uint64{"new": 1}},
		"one removed":                       {[]string{"a", "b"}, []string{"a"}, map[string]uint64{"a": 5}},
		"the first ever":                    {nil, []string{"new"}, map[string]uint64{"new": 1}},
		"none any more, then kept":          {[]string{"a"}, nil, map[string]uint64{"": 5}},
	}
	for name, test := range tests {
		for how, change := range map[string]func(*testing.T, *Queue) *Queue{
			"running": func(t *testing.T, q *Queue) *Queue {
				if err := q.SetBackends(test.after); err != nil {
					t.Fatal(err)
				}
				return q
			},
			"reopened": func(t *testing.T, q *Queue) *Queue {
				closeQueue(t, q)
				return open(t, q.cfg, test.after...)
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				q := open(t, Config{Dir: memoryDir(t), SegmentBytes: minSegment, SyncInterval: time.Hour}, test.before...)
				putN(t, q, point.Metric, 1, 10, 2000)
				if a := q.Cursor("a", point.Metric); a != nil {
					for n := 0; n < 4; {
						n += min(4-n, len(ready(t, a)))
						a.Ack(1)
						a.Rewind()
						n = int(a.pos.seq) - 1
					}
				}
				q = change(t, q)
				putN(t, q, point.Metric, 11, 11, 2000)
				for backend, first := range test.want {
					if got := drain(t, q.Cursor(backend, point.Metric)); !slices.Equal(got, sequence(first, 11)) {
						t.Errorf("%q got %v, want from %d", backend, got, first)
					}
					stats(t, q, backend, point.Metric)
				}
				files, _ := filepath.Glob(q.cfg.Dir + "/metric/*" + cursorSuffix)
				if len(files) != max(1, len(test.after)) {
					t.Errorf("cursor files: %v", files)
				}
				recount(t, q)
			})
		}
	}
}

func TestCursorOfARemovedBackendIsClosed(t *testing.T) {
	q := open(t, Config{Dir: t.TempDir(), SyncInterval: time.Hour}, "a", "b")
	putN(t, q, point.Metric, 1, 3, 100)
	b := q.Cursor("b", point.Metric)
	entries := ready(t, b)
	if err := q.SetBackends([]string{"a"}); err != nil {
		t.Fatal(err)
	}
	if q.Cursor("b", point.Metric) != nil {
		t.Error("the cursor is still there")
	}
	_, err := b.Next(t.Context(), 1)
	wantError(t, err, ErrClosed)
	b.Ack(len(entries)) // by a worker that did not notice yet
	b.Rewind()
	if got := drain(t, q.Cursor("a", point.Metric)); len(got) != 3 {
		t.Errorf("a got %v", got)
	}
}

func TestBackendNames(t *testing.T) {
	q := open(t, Config{Dir: t.TempDir(), SyncInterval: time.Hour}, "a")
	for name, test := range map[string]struct {
		names []string
		want  string
	}{
		"empty":    {[]string{"a", ""}, `backend name "" must have 1 to 80 bytes`},
		"too long": {[]string{strings.Repeat("x", 81)}, "must have 1 to 80 bytes"},
		"twice":    {[]string{"b", "b"}, `backend name "b" is used twice`},
	} {
		t.Run(name, func(t *testing.T) {
			if err := q.SetBackends(test.names); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want %s", err, test.want)
			}
			if q.Cursor("a", point.Metric) == nil {
				t.Error("a refused change removed a backend")
			}
		})
	}
	odd := strings.Repeat("\xff/", 40) // every byte is escaped
	if err := q.SetBackends([]string{odd}); err != nil {
		t.Error(err)
	}
	putN(t, q, point.Metric, 1, 1, 10)
	recount(t, q)
}

func TestConfigErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		cfg  Config
		want string
	}{
		"no directory":   {Config{}, "queue needs a directory"},
		"negative bound": {Config{Dir: "x", MaxBytes: -1}, "MaxBytes of the queue is -1: must not be negative"},
		"file":           {Config{Dir: file}, "open queue: mkdir"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Open(test.cfg, nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want %s", err, test.want)
			}
		})
	}
}
