package mounts

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDeadMount: a mount that never answers costs one timeout once, and one
// goroutine as long as it is dead. The others are not affected.
func TestDeadMount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		alive := make(chan struct{})
		p := NewProber(2*time.Second, func(path string) (Usage, error) {
			switch path {
			case "/dead":
				calls.Add(1)
				<-alive
			case "/broken":
				return Usage{}, unix.ESTALE
			case "/slow":
				time.Sleep(time.Second)
			}
			return Usage{Total: 10}, nil
		})
		paths := []string{"/a", "/dead", "/broken", "/slow"}
		probe := func() []Answer {
			t.Helper()
			answers := p.Probe(t.Context(), paths)
			if a := answers; a[0].Err != nil || a[0].Total != 10 || !errors.Is(a[2].Err, unix.ESTALE) || a[3].Err != nil {
				t.Errorf("answers %+v", a)
			}
			return answers
		}
		began := time.Now()
		if err := probe()[1].Err; !errors.Is(err, ErrNoAnswer) || err.Error() != "/dead: no answer within 2s" {
			t.Errorf("dead: %v", err)
		}
		if d := time.Since(began); d != 2*time.Second {
			t.Errorf("the first probe took %s", d)
		}
		for range 3 {
			began = time.Now()
			if err := probe()[1].Err; !errors.Is(err, ErrNoAnswer) {
				t.Errorf("dead: %v", err)
			}
			if d := time.Since(began); d != time.Second { // of /slow
				t.Errorf("a later probe took %s", d)
			}
		}
		if pending, missed := p.Stats(); pending != 1 || missed != 4 || calls.Load() != 1 {
			t.Errorf("%d pending, %d missed, %d calls", pending, missed, calls.Load())
		}
		close(alive)
		synctest.Wait()
		if err := probe()[1].Err; err != nil {
			t.Errorf("alive again: %v", err)
		}
		if pending, _ := p.Stats(); pending != 0 {
			t.Errorf("%d pending", pending)
		}
	})
}

func TestProbeEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		p := NewProber(time.Hour, func(string) (Usage, error) { <-release; return Usage{}, nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if a := p.Probe(ctx, []string{"/x"}); !errors.Is(a[0].Err, ErrNoAnswer) {
			t.Errorf("%+v", a)
		}
		close(release)
	})
}

func TestUsage(t *testing.T) {
	// 100 blocks, 20 free, of which 10 are reserved for root: df says 80/90.
	u := Usage{Total: 100, Used: 80, Free: 10, Files: 8, FFree: 2}
	if got := u.UsedPercent(); got < 88.88 || got > 88.89 {
		t.Errorf("used_percent %v", got)
	}
	if u.FilesUsed() != 6 || u.FilesUsedPercent() != 75 {
		t.Errorf("%d files, %v %%", u.FilesUsed(), u.FilesUsedPercent())
	}
	if (Usage{}).UsedPercent() != 0 || (Usage{FFree: 1}).FilesUsed() != 0 {
		t.Error("an empty file system is not empty")
	}
	if _, err := Statfs("/does/not/exist"); !errors.Is(err, unix.ENOENT) {
		t.Errorf("absent: %v", err)
	}
	if u, err := Statfs("/"); err != nil || u.Total == 0 || u.Used+u.Free > u.Total {
		t.Errorf("/: %+v, %v", u, err)
	}
}
