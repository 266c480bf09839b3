package runner

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/internal/point"
)

func TestApplyTouchesOnlyWhatChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, g := newJournal(), New(Config{})
		a, b, c := job("a", until(j, "a")), job("b", until(j, "b")), job("c", until(j, "c"))
		apply(t, g, Change{Started: 1}, a)
		synctest.Wait()
		apply(t, g, Change{Kept: 1, Started: 1}, a, b)
		synctest.Wait()
		apply(t, g, Change{Kept: 2, Started: 1}, c, b, a) // another order is no change
		synctest.Wait()
		time.Sleep(time.Second)

		changed := b
		changed.Key = "b, changed"
		changed.New = func(func(error)) (any, error) { return until(j, "b'"), nil }
		apply(t, g, Change{Kept: 2, Stopped: 1, Started: 1}, a, changed, c)
		synctest.Wait()
		time.Sleep(time.Second)
		apply(t, g, Change{Kept: 1, Stopped: 2}, changed)
		closeGroup(t, g)
		j.expect(t, "0s a starts", "0s b starts", "0s c starts",
			"1s b stops", "1s b' starts", "2s c stops", "2s a stops", "2s b' stops")
		if _, err := g.Apply(t.Context(), nil); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		closeGroup(t, g)
	})
}

func TestEqualJobsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, g := newJournal(), New(Config{})
		twin := job("a", until(j, "a"))
		apply(t, g, Change{Started: 2}, twin, twin)
		apply(t, g, Change{Kept: 1, Stopped: 1}, twin)
		closeGroup(t, g)
	})
}

func TestStopNamesWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := job("stuck", runs(func(context.Context, point.Sink) error { <-release; return nil }))
		j, g := newJournal(), New(Config{StopTimeout: 5 * time.Second})
		apply(t, g, Change{Started: 2}, stuck, job("b", until(j, "b")))
		synctest.Wait()

		changed := stuck
		changed.Key = "changed"
		changed.New = func(func(error)) (any, error) { return until(j, "successor"), nil }
		change, err := g.Apply(t.Context(), []Job{changed})
		if err == nil || err.Error() != "input stuck (stuck.conf:1) did not stop in time" || change.Stopped != 2 {
			t.Errorf("%+v, %v", change, err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		var phases []string
		for _, s := range g.States() {
			phases = append(phases, s.Phase)
		}
		if len(phases) != 2 || phases[0] != PhaseStopping || phases[1] != PhaseWaiting {
			t.Errorf("the successor runs beside it: %q", phases)
		}
		close(release)
		synctest.Wait()
		j.expect(t, "0s b starts", "0s b stops", "6s successor starts")
		closeGroup(t, g)
		if len(g.States()) != 0 {
			t.Errorf("%+v", g.States())
		}
	})
}

func TestCloseHonoursItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stuck := runs(func(context.Context, point.Sink) error { <-release; return nil })
		g := New(Config{StopTimeout: time.Hour})
		apply(t, g, Change{Started: 2}, job("a", stuck), job("b", stuck))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		err := g.Close(ctx)
		if err == nil || err.Error() != "input b (b.conf:1) did not stop in time\ninput a (a.conf:1) did not stop in time" || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		close(release)
		synctest.Wait()
	})
}
