package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// journal records what inputs did, with the time since its start.
type journal struct {
	mu      sync.Mutex
	began   time.Time
	entries []string
}

func newJournal() *journal { return &journal{began: time.Now()} }

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, fmt.Sprintf("%v ", time.Since(j.began))+fmt.Sprintf(format, args...))
}

func (j *journal) expect(t *testing.T, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !reflect.DeepEqual(j.entries, want) {
		t.Errorf("got  %q\nwant %q", j.entries, want)
	}
}

type discard struct{}

func (discard) Feed(context.Context, point.Category, []point.Point) error { return nil }

// gatherer is an input made of a function.
type gatherer func(ctx context.Context, out point.Sink) error

func (g gatherer) Gather(ctx context.Context, out point.Sink) error { return g(ctx, out) }

// runs is a runner made of a function.
type runs func(ctx context.Context, out point.Sink) error

func (r runs) Run(ctx context.Context, out point.Sink) error { return r(ctx, out) }

func job(name string, in any) Job {
	return Job{
		Input: name, Place: name + ".conf:1", Key: name, Interval: 10 * time.Second, Out: discard{},
		New: func(func(error)) (any, error) { return in, nil },
	}
}

// until runs until ctx ends and says so.
func until(j *journal, name string) runs {
	return func(ctx context.Context, _ point.Sink) error {
		j.add("%s starts", name)
		<-ctx.Done()
		j.add("%s stops", name)
		return ctx.Err()
	}
}

func apply(t *testing.T, g *Group, want Change, jobs ...Job) {
	t.Helper()
	got, err := g.Apply(t.Context(), jobs)
	if err != nil || got != want {
		t.Errorf("applied %+v, %v; want %+v", got, err, want)
	}
}

func closeGroup(t *testing.T, g *Group) {
	t.Helper()
	if err := g.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestGathersAtOnceThenOnTheGrid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(3 * time.Second) // off the grid: the fake clock starts at midnight
		j, g := newJournal(), New(Config{})
		apply(t, g, Change{Started: 1}, job("a", gatherer(func(context.Context, point.Sink) error {
			j.add("gather")
			time.Sleep(time.Second)
			return nil
		})))
		time.Sleep(28 * time.Second)
		closeGroup(t, g)
		j.expect(t, "0s gather", "7s gather", "17s gather", "27s gather")
	})
}

func TestUntilNext(t *testing.T) {
	midnight := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for at, want := range map[time.Duration]time.Duration{
		0: 10 * time.Second, time.Second: 9 * time.Second, 8 * time.Second: 2 * time.Second,
		9500 * time.Millisecond: 10500 * time.Millisecond, 10 * time.Second: 10 * time.Second,
	} {
		if got := untilNext(midnight.Add(at), 10*time.Second); got != want {
			t.Errorf("%v after the grid: %v, want %v", at, got, want)
		}
	}
}

func TestSlowGatherNeverOverlaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		running, most := 0, 0
		g := New(Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
		apply(t, g, Change{Started: 1}, job("a", gatherer(func(context.Context, point.Sink) error {
			running++
			most = max(most, running)
			time.Sleep(25 * time.Second)
			running--
			return nil
		})))
		time.Sleep(time.Minute + 26*time.Second) // at 0, 30, 60
		synctest.Wait()
		s := g.States()[0]
		if most != 1 || s.Gathers != 3 || s.Late != 3 || s.Duration != 25*time.Second {
			t.Errorf("%d at a time; %+v", most, s)
		}
		closeGroup(t, g)
		if n := strings.Count(log.String(), "longer than the interval"); n != 1 {
			t.Errorf("reported %d times:\n%s", n, log.String())
		}
	})
}

// A gathering that hangs is an error as long as it does, and holds up nobody
// else.
func TestHangingGatherIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, gathered := make(chan struct{}), 0
		var told []string
		hangs := job("a", gatherer(func(context.Context, point.Sink) error { <-release; return nil }))
		hangs.Failed = func(err error) { told = append(told, fmt.Sprint(err)) }
		g := New(Config{})
		apply(t, g, Change{Started: 2}, hangs, job("b", gatherer(func(context.Context, point.Sink) error { gathered++; return nil })))
		time.Sleep(time.Hour)
		synctest.Wait()
		s := g.States()[0]
		if s.LastError != "gathering has not ended within the interval" || s.Late != 1 || s.Gathers != 0 || gathered != 361 {
			t.Errorf("%+v, the other one gathered %d times", s, gathered)
		}
		close(release)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if s := g.States()[0]; s.LastError != "" || s.Gathers < 2 {
			t.Errorf("%+v", s)
		}
		if fmt.Sprintf("%q", told) != `["gathering has not ended within the interval" "<nil>"]` {
			t.Errorf("told %q", told)
		}
		closeGroup(t, g)
	})
}

func TestGatherErrorIsRecordedAndCleared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := 0
		g := New(Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
		apply(t, g, Change{Started: 1}, job("a", gatherer(func(_ context.Context, out point.Sink) error {
			switch n++; n {
			case 1:
				return fmt.Errorf("wrapped: %w", inputs.ErrNoData)
			case 2, 3:
				return errors.New("no such file")
			}
			return out.Feed(t.Context(), point.Metric, make([]point.Point, 2))
		})))
		synctest.Wait()
		if s := g.States()[0]; s.Errors != 0 || s.LastError != "" {
			t.Errorf("no data is no failure: %+v", s)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if s := g.States()[0]; s.Errors != 2 || s.LastError != "no such file" || s.Phase != PhaseRunning || s.Restarts != 0 {
			t.Errorf("%+v", s)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if s := g.States()[0]; s.Errors != 2 || s.LastError != "" || s.Points != 4 || s.Gathers != 5 {
			t.Errorf("%+v", s)
		}
		closeGroup(t, g)
		if n := strings.Count(log.String(), "gathering failed"); n != 1 {
			t.Errorf("logged %d times:\n%s", n, log.String())
		}
	})
}

func TestPanicRestartsWithGrowingDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, g := newJournal(), New(Config{MinDelay: time.Second, MaxDelay: 4 * time.Second})
		var starts []time.Time
		built := 0
		bad := job("a", nil)
		bad.New = func(func(error)) (any, error) {
			built++
			return gatherer(func(context.Context, point.Sink) error {
				starts = append(starts, time.Now())
				panic("boom")
			}), nil
		}
		apply(t, g, Change{Started: 2}, bad, job("b", until(j, "b")))
		time.Sleep(20 * time.Second)
		synctest.Wait()
		s := g.States()[0]
		if s.LastError != "panic: boom" || s.Phase != PhaseRestart || int(s.Restarts) != built || built < 5 || built > 12 {
			t.Errorf("built %d times, %+v", built, s)
		}
		if first, last := starts[1].Sub(starts[0]), starts[4].Sub(starts[3]); first > 2*time.Second || last < 2*time.Second {
			t.Errorf("delays do not grow: %v, then %v", first, last)
		}
		if other := g.States()[1]; other.Phase != PhaseRunning {
			t.Errorf("the other input suffers: %+v", other)
		}
		closeGroup(t, g)
	})
}

func TestRunnerIsRestartedOnErrorNotWhenDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		g := New(Config{})
		apply(t, g, Change{Started: 1}, job("a", runs(func(context.Context, point.Sink) error {
			if attempts++; attempts < 3 {
				return errors.New("lost the connection")
			}
			return nil
		})))
		time.Sleep(time.Hour)
		synctest.Wait()
		if s := g.States()[0]; attempts != 3 || s.Phase != PhaseDone || s.Restarts != 2 {
			t.Errorf("%d attempts, %+v", attempts, s)
		}
		closeGroup(t, g)
	})
}

func TestErrorOfNewIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		built := 0
		bad := job("a", nil)
		bad.New = func(func(error)) (any, error) { built++; return nil, errors.New("no such group") }
		neither := job("b", "text")
		g := New(Config{})
		apply(t, g, Change{Started: 2}, bad, neither)
		time.Sleep(time.Hour)
		synctest.Wait()
		states := g.States()
		if built != 1 || states[0].Phase != PhaseFailed || states[0].LastError != "cannot run: no such group" {
			t.Errorf("built %d times, %+v", built, states[0])
		}
		if states[1].LastError != "cannot run: string is neither an Input nor a Runner" {
			t.Errorf("%+v", states[1])
		}
		closeGroup(t, g)
	})
}

func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reporting := job("a", nil)
		reporting.New = func(report func(error)) (any, error) {
			return runs(func(ctx context.Context, _ point.Sink) error {
				report(errors.New("child died"))
				time.Sleep(time.Second)
				report(nil)
				<-ctx.Done()
				return nil
			}), nil
		}
		g := New(Config{})
		apply(t, g, Change{Started: 1}, reporting)
		synctest.Wait()
		if s := g.States()[0]; s.LastError != "child died" || s.Errors != 1 {
			t.Errorf("%+v", s)
		}
		time.Sleep(2 * time.Second)
		if s := g.States()[0]; s.LastError != "" || s.Phase != PhaseRunning {
			t.Errorf("%+v", s)
		}
		closeGroup(t, g)
		if len(g.States()) != 0 {
			t.Errorf("%+v", g.States())
		}
	})
}
