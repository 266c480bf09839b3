package logs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"datakit.dev/agent/plugins"
)

// What happens to containers and to our own files.
func TestLife(t *testing.T) {
	scenario(t, "a container that is started again goes on in its log", func(r *rig) {
		r.start()
		r.write(3)
		r.settle()
		ended := r.src
		ended.Ended = true
		r.Update([]Source{ended}, true)
		r.settle()
		r.write(2) // it said more than we had read
		r.settle()
		again := r.src
		again.Tags = []plugins.Tag{{Key: "team", Value: "new"}}
		r.Update([]Source{again}, true)
		r.settle()
		r.write(4)
		r.settle()
		r.stop()
		r.complete()
		if !slices.Contains(r.tags, plugins.Tag{Key: "team", Value: "new"}) {
			r.t.Errorf("tags %v", r.tags)
		}
	})
	scenario(t, "a log that was replaced while nobody followed", func(r *rig) {
		r.write(5)
		r.start()
		r.settle()
		r.stop()
		if err := errors.Join(os.WriteFile(r.path+"-other", nil, 0o600), os.Remove(r.path), os.Rename(r.path+"-other", r.path)); err != nil {
			r.t.Fatal(err)
		}
		r.write(3)
		r.start()
		r.settle()
		r.stop()
		r.accounted()
		if s := r.Stats(); s.Missed != 1 || len(r.got) != 8 || r.got[7] != "000007" {
			r.t.Errorf("%+v, %q", s, r.got)
		}
	})
	scenario(t, "a log that cannot be read does not hold up the others", func(r *rig) {
		folder := r.path + "-folder"
		if err := os.MkdirAll(folder+"/x", 0o700); err != nil {
			r.t.Fatal(err)
		}
		r.start()
		r.Update([]Source{r.src, {ID: "bad", Path: r.path + "/nonsense"}, {ID: "none", Path: folder + "/absent"}}, true)
		r.write(5)
		r.settle()
		r.stop()
		r.complete()
	})
	scenario(t, "half a line of positions", func(r *rig) {
		r.write(5)
		r.start()
		r.settle()
		r.stop()
		damage(r, func(text string) string { return text + `[{"id":"c","inode":` })
		r.write(5)
		r.start()
		r.settle()
		r.stop()
		r.complete()
	})
	scenario(t, "positions that make no sense", func(r *rig) {
		r.write(5)
		r.start()
		r.settle()
		r.stop()
		damage(r, func(string) string { return "\x00\x01nonsense\n" })
		r.write(5)
		r.start()
		r.settle()
		r.stop()
		// Rather all of it again than a line lost.
		for i := range 10 {
			if !slices.Contains(r.got, fmt.Sprintf("%06d", i)) {
				r.t.Errorf("line %d is lost", i)
			}
		}
	})
	scenario(t, "two at a time", func(r *rig) {
		r.start()
		r.settle()
		err := New(r.cfg).Run(context.Background(), r)
		if err == nil || !strings.Contains(err.Error(), "another process uses them") {
			r.t.Errorf("the second one ends with %v", err)
		}
		r.stop()
	})
	scenario(t, "no place for positions", func(r *rig) {
		r.cfg.Dir = r.path + "/below-a-file"
		r.write(1)
		if err := New(r.cfg).Run(context.Background(), r); err == nil {
			r.t.Error("it follows without a place for positions")
		}
	})
}

// damage changes the file of positions.
func damage(r *rig, change func(string) string) {
	r.t.Helper()
	path := r.cfg.Dir + "/positions"
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(change(string(text))), 0o600)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// The journal does not grow for ever, and what it holds is the same after it
// was written anew.
func TestJournalIsCompacted(t *testing.T) {
	dir := t.TempDir()
	j, err := openJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	largest := int64(0)
	for i := range 30000 {
		if err := j.commit([]position{{ID: fmt.Sprint("c", i%7), Inode: uint64(i), Offsets: [streams]int64{int64(i), 0}}}); err != nil {
			t.Fatal(err)
		}
		largest = max(largest, j.size)
	}
	if err := j.commit([]position{{ID: "c0", Gone: true}}); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(j.live)
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	if largest > maxJournal || largest < maxJournal*9/10 {
		t.Errorf("it grew to %d bytes, the bound is %d", largest, maxJournal)
	}
	if j, err = openJournal(dir); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = j.close() }()
	if got := fmt.Sprint(j.live); got != want || len(j.live) != 6 || j.fresh {
		t.Errorf("got %s, want %s", got, want)
	}
}
