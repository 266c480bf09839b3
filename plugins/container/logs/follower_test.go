package logs

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/plugins"
)

// rig is a log, a follower and what it stored. Its tests run in a bubble with
// its own clock.
type rig struct {
	t      *testing.T
	path   string
	cfg    Config
	src    Source
	broken atomic.Pointer[error] // what Store answers; nil: it stores
	got    []string
	tags   []plugins.Tag // of the last one
	blocks []int
	number int
	stop   func()
	*Follower
}

func newRig(t *testing.T) *rig {
	dir := t.TempDir()
	r := &rig{t: t, path: filepath.Join(dir, "0.log")}
	r.cfg = Config{Dir: filepath.Join(dir, "state"), FromStart: true, MaxEntry: 1000, MaxFiles: 10, Now: time.Now, Log: slog.New(slog.DiscardHandler)}
	r.src = Source{ID: "c", Path: r.path, Format: CRI, Measurement: "m"}
	return r
}

// Store implements plugins.Storer.
func (r *rig) Store(_ context.Context, _ plugins.Category, pts []plugins.Point) error {
	if err := r.broken.Load(); err != nil {
		return *err
	}
	r.blocks = append(r.blocks, len(pts))
	for _, p := range pts {
		r.got, r.tags = append(r.got, p.Fields[0].Value.AsString()), p.Tags
	}
	return nil
}

func (r *rig) start() {
	r.Follower = New(r.cfg)
	r.Update([]Source{r.src}, true)
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, r) }()
	r.stop = func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	}
}

// settle lets the follower do what is due; the test may then touch the rig.
func (r *rig) settle() {
	time.Sleep(5 * time.Second)
	synctest.Wait()
}

// write appends n numbered lines.
func (r *rig) write(n int) {
	for range n {
		r.raw(fmt.Sprintf("2026-01-01T00:00:00.%09dZ stdout F %06d\n", r.number, r.number))
		r.number++
	}
}

func (r *rig) raw(text string) {
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		r.t.Fatal(err)
	}
	_ = f.Close()
}

// rotate does what the kubelet does.
func (r *rig) rotate() { rotate(r.t, r.path, fmt.Sprintf("20260101-%06d", r.number)) }

func rotate(t *testing.T, path, suffix string) {
	t.Helper()
	old, _ := filepath.Glob(path + ".*")
	for _, name := range old {
		if strings.HasSuffix(name, ".gz") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out, err := os.Create(name + ".tmp")
		if err != nil {
			t.Fatal(err)
		}
		z := gzip.NewWriter(out)
		_, werr := z.Write(text)
		if err := errors.Join(werr, z.Close(), out.Close(), os.Rename(name+".tmp", name+".gz"), os.Remove(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(path, path+"."+suffix); err != nil {
		t.Fatal(err)
	}
}

// truncate does what logrotate does with copytruncate, or what people do, who
// make no copy.
func (r *rig) truncate(copied bool) {
	for n := 8; copied && n > 0; n-- {
		_ = os.Rename(fmt.Sprintf("%s.%d", r.path, n), fmt.Sprintf("%s.%d", r.path, n+1))
	}
	if copied {
		text, err := os.ReadFile(r.path)
		if err == nil {
			err = os.WriteFile(r.path+".1", text, 0o600)
		}
		if err != nil {
			r.t.Fatal(err)
		}
	}
	if err := os.Truncate(r.path, 0); err != nil {
		r.t.Fatal(err)
	}
}

// accounted checks that no line is unexplained.
func (r *rig) accounted() {
	r.t.Helper()
	if s := r.Stats(); s.Lines != s.Stored+s.Again+s.Lost+s.Held || s.Lines == 0 {
		r.t.Errorf("%+v", s)
	}
}

// complete checks that every line came once, in order.
func (r *rig) complete() {
	r.t.Helper()
	var want []string
	for i := range r.number {
		want = append(want, fmt.Sprintf("%06d", i))
	}
	if !slices.Equal(r.got, want) {
		r.t.Errorf("got %d lines, want %d: %.200q", len(r.got), len(want), r.got)
	}
	r.accounted()
}

func scenario(t *testing.T, name string, run func(r *rig)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { run(newRig(t)) }) })
}

func TestFollow(t *testing.T) {
	scenario(t, "grows", func(r *rig) {
		r.write(3)
		r.start()
		for range 5 {
			r.write(7)
			r.settle()
		}
		r.stop()
		r.complete()
	})
	scenario(t, "large", func(r *rig) {
		r.write(20000)
		r.start()
		r.settle()
		r.stop()
		r.complete()
		if slices.Max(r.blocks) > 3*maxBatch {
			r.t.Errorf("a block of %d entries", slices.Max(r.blocks))
		}
	})
	scenario(t, "rotation", func(r *rig) {
		r.start()
		for range 6 {
			r.write(5)
			r.settle()
			r.write(2)
			r.rotate()
			r.write(1)
			r.settle()
		}
		r.stop()
		r.complete()
	})
	scenario(t, "graceful restarts", func(r *rig) {
		for range 5 {
			r.write(5)
			r.start()
			r.write(5)
			r.settle()
			r.write(5)
			r.stop()
		}
		r.start()
		r.settle()
		r.stop()
		r.complete()
	})
	scenario(t, "rotations while down, compressed", func(r *rig) {
		r.write(10)
		r.start()
		r.settle()
		r.stop()
		for range 4 {
			r.write(10)
			r.rotate()
		}
		r.write(10)
		r.start()
		r.settle()
		r.stop()
		r.complete()
	})
	scenario(t, "half a line", func(r *rig) {
		r.start()
		r.write(1)
		r.raw("2026-01-01T00:00:00Z std")
		r.settle()
		r.stop()
		r.raw("out F 000001\n")
		r.number++
		r.start()
		r.settle()
		r.stop()
		r.complete()
	})
	scenario(t, "store fails for a while", func(r *rig) {
		refusal := errors.New("no")
		r.broken.Store(&refusal)
		r.start()
		r.write(10)
		r.settle()
		r.broken.Store(nil)
		time.Sleep(10 * time.Second)
		r.stop()
		r.complete()
	})
	scenario(t, "store fails until the end", func(r *rig) {
		refusal := errors.New("no")
		r.broken.Store(&refusal)
		r.write(10)
		r.start()
		r.settle()
		r.stop()
		r.broken.Store(nil)
		r.start()
		r.settle()
		r.stop()
		r.complete()
	})
}

// Streams mix; the position of each is its own.
func TestStreamsAndRestart(t *testing.T) {
	scenario(t, "", func(r *rig) {
		const at = "2026-01-01T00:00:00Z "
		r.start()
		r.raw(at + "stderr P begin-\n" + at + "stdout F a\n" + at + "stdout F b\n")
		time.Sleep(time.Second)
		r.stop()
		if fmt.Sprint(r.got) != "[a b]" {
			r.t.Errorf("got %q before the restart", r.got)
		}
		r.raw(at + "stderr F end\n" + at + "stdout F c\n")
		r.start()
		r.settle()
		r.stop()
		if slices.Sort(r.got); fmt.Sprint(r.got) != "[a b begin-end c]" {
			r.t.Errorf("got %q", r.got)
		}
	})
}

func TestWhereItBegins(t *testing.T) {
	scenario(t, "history is left out", func(r *rig) {
		r.cfg.FromStart = false
		r.write(5)
		r.raw("2026-01-01T00:00:00Z stdout F ")
		r.start()
		r.settle()
		r.raw("now\n")
		r.settle()
		r.stop()
		if fmt.Sprint(r.got) != "[now]" {
			r.t.Errorf("got %q", r.got)
		}
	})
	scenario(t, "a new container from its first line", func(r *rig) {
		r.cfg.FromStart = false
		src := r.src
		r.src.ID, r.src.Path = "other", r.path+"x"
		r.start()
		r.settle()
		r.write(5)
		r.Update([]Source{src}, true)
		r.settle()
		r.stop()
		r.complete()
	})
}

func TestEnds(t *testing.T) {
	scenario(t, "a removed container is read to its end and forgotten", func(r *rig) {
		r.start()
		r.write(5)
		r.settle()
		r.write(5)
		r.Update(nil, true)
		if err := os.Rename(r.path, r.path+"-"); err != nil {
			r.t.Fatal(err)
		}
		r.settle()
		if n := r.Stats().Files; n != 0 {
			r.t.Errorf("%d files are followed", n)
		}
		r.Update(nil, true)
		r.settle()
		r.stop()
		r.complete()
		if len(r.journal.live) != 0 {
			r.t.Errorf("positions %v", r.journal.live)
		}
	})
	scenario(t, "too many", func(r *rig) {
		r.cfg.MaxFiles = 1
		r.start()
		r.Update([]Source{r.src, {ID: "x", Path: r.path + "x"}}, true)
		r.settle()
		if s := r.Stats(); s.Files != 1 || s.Refused != 1 {
			r.t.Errorf("stats %+v", s)
		}
		r.stop()
	})
	scenario(t, "long and malformed lines", func(r *rig) {
		r.start()
		r.raw("nonsense\n2026-01-01T00:00:00Z stdout F " + strings.Repeat("x", 20000) + "\n")
		r.settle()
		r.stop()
		if s := r.Stats(); s.Malformed != 1 || s.Truncated != 19000 || len(r.got) != 2 || len(r.got[1]) != 1000 {
			r.t.Errorf("stats %+v, %d entries", s, len(r.got))
		}
	})
}

func TestEscapes(t *testing.T) {
	f := New(Config{Strip: true})
	p := f.point(Source{}, entry{text: []byte("\x1b[1;31mred\x1b[0m \x1b]0;title\x07x")})
	if got := p.Fields[0].Value.AsString(); got != "red x" {
		t.Errorf("got %q", got)
	}
}

func TestJournal(t *testing.T) {
	dir := t.TempDir()
	j, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openJournal(dir); err == nil {
		t.Error("opened twice")
	}
	if err := errors.Join(j.commit([]position{{ID: "a", Inode: 1}, {ID: "b"}}), j.commit([]position{{ID: "a", Inode: 2}, {ID: "b", Gone: true}})); err != nil {
		t.Fatal(err)
	}
	if _, err := j.file.WriteString(`[{"id":"a","inode":3`); err != nil { // died while writing
		t.Fatal(err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	if j, err = openJournal(dir); err != nil {
		t.Fatal(err)
	}
	if len(j.live) != 1 || j.live["a"].Inode != 2 || j.fresh {
		t.Errorf("positions %+v, fresh %v", j.live, j.fresh)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
}
