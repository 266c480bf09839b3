package feed

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"datakit.dev/agent/internal/point"
)

// One call is one block, durable at the return.
func TestStore(t *testing.T) {
	f, m := newTestFeed(t, Config{MaxPoints: 10, Tags: map[string]string{"host": "h"}})
	for range 2 {
		if err := f.Store(t.Context(), point.Logging, somePoints(25)); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.sizes(); len(got) != 2 || got[0] != 25 || got[1] != 25 {
		t.Errorf("blocks of %v points, want [25 25]", got)
	}
	if err := f.Store(t.Context(), point.Logging, nil); err != nil || len(m.sizes()) != 2 {
		t.Errorf("nothing to store: %v, %d blocks", err, len(m.sizes()))
	}
	finish(t, f, m)
	if s := f.Stats(); s.Captured != 50 || s.Emitted != 50 {
		t.Errorf("captured %d, emitted %d, want 50", s.Captured, s.Emitted)
	}
	if err := f.Store(t.Context(), point.Logging, somePoints(1)); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// What was not stored was not captured, so that it may come again.
func TestStoreThatFails(t *testing.T) {
	f, m := newTestFeed(t, Config{Keep: func(_ point.Category, p *point.Point) (bool, string) { return p.Tags[0].Value != "0", "" }})
	broken := errors.New("disk is full")
	m.put = func(_ context.Context, n int) error {
		if n == 1 {
			return broken
		}
		return nil
	}
	if err := f.Store(t.Context(), point.Logging, somePoints(3)); !errors.Is(err, broken) {
		t.Fatalf("error %v, want %v", err, broken)
	}
	balanced(t, m)
	if s := f.Stats(); s.Captured != 0 {
		t.Errorf("%d points captured by a failure", s.Captured)
	}
	if err := f.Store(t.Context(), point.Logging, somePoints(3)); err != nil {
		t.Fatal(err)
	}
	finish(t, f, m)
	if s := f.Stats(); s.Captured != 3 || s.Emitted != 2 || s.Filtered != 1 {
		t.Errorf("stats %+v", s)
	}
}

// While the answer is on its way the points are pending: whoever receives the
// block must not know of more points than were captured.
func TestStoredPointsArePendingMeanwhile(t *testing.T) {
	f, m := newTestFeed(t, Config{Keep: func(_ point.Category, p *point.Point) (bool, string) { return p.Tags[0].Value != "0", "" }})
	var during Stats
	m.put = func(context.Context, int) error { during = f.Stats(); return nil }
	if err := f.Store(t.Context(), point.Logging, somePoints(3)); err != nil {
		t.Fatal(err)
	}
	if during.Captured != 3 || during.Pending != 2 || during.Filtered != 1 || during.Emitted != 0 {
		t.Errorf("meanwhile %+v", during)
	}
	finish(t, f, m)
	if s := f.Stats(); s.Captured != 3 || s.Pending != 0 || s.Emitted != 2 {
		t.Errorf("in the end %+v", s)
	}
}

func TestStoreWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, m := newTestFeed(t, Config{})
		answer := make(chan struct{})
		ctx, cancel := context.WithCancel(t.Context())
		m.put = func(context.Context, int) error { cancel(); <-answer; return nil }
		go func() { synctest.Wait(); close(answer) }()
		if err := f.Store(ctx, point.Logging, somePoints(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		finish(t, f, m)
	})
}
