package sdk

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

func engineOf(t *testing.T, log *buffer, p Program, doc string) *engine {
	t.Helper()
	r, err := p.resolve("test", doc, nil)
	if err != nil {
		t.Fatal(err)
	}
	return newEngine(p, r, textLog(log), hostfs.Root{})
}

func state(e *engine, name string) plugins.State {
	all, _ := e.states.snapshot()
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	return plugins.State{}
}

// One plugin that fails in any way does not disturb the other.
func TestFailureOfOnePluginIsItsOwn(t *testing.T) {
	for name, tc := range map[string]struct {
		bad  *actor
		want string
		log  string
	}{
		"load":          {&actor{load: func() error { return fmt.Errorf("attach: %w: needs 5.10", plugins.ErrNotSupported) }}, "attach: not supported: needs 5.10", "cannot be loaded"},
		"load panics":   {&actor{load: func() error { panic("oops") }}, "panic: oops", "engine_test.go"},
		"run":           {&actor{run: func(context.Context, point.Sink) error { return errors.New("lost the ring") }}, "lost the ring", "run again"},
		"run panics":    {&actor{run: func(context.Context, point.Sink) error { var none []error; return none[len(none)] }}, "panic: runtime error: index out of range [0] with length 0", "engine_test.go"},
		"returns early": {&actor{run: func(context.Context, point.Sink) error { return nil }}, "returned before it was told to", "run again"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log, out := &buffer{}, &sink{}
				good := &actor{run: func(ctx context.Context, out point.Sink) error {
					err := out.Feed(ctx, point.Network, points("m", 1))
					<-ctx.Done()
					return errors.Join(err, out.Feed(context.WithoutCancel(ctx), point.Network, points("last", 1)))
				}}
				e := engineOf(t, log, program(factory("bad", tc.bad), factory("good", good)), "")
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() { e.run(ctx, out); close(done) }()
				synctest.Wait()
				if s := state(e, "bad"); s.Phase != plugins.PhaseFailed || s.Error != tc.want {
					t.Errorf("state of the bad one is %+v, want %q", s, tc.want)
				}
				if s := state(e, "good"); s.Phase != plugins.PhaseRunning || s.Error != "" {
					t.Errorf("state of the good one is %+v", s)
				}
				if !strings.Contains(log.String(), tc.log) {
					t.Errorf("the log lacks %q:\n%s", tc.log, log)
				}
				if e.states.active("bad") || !e.states.active("good") || e.states.active("none") {
					t.Error("plugins are told wrongly which others run")
				}
				cancel()
				<-done
				if len(out.pts) != 2 || out.pts[1].Measurement != "last" {
					t.Errorf("the good one delivered %v", out.pts)
				}
				if good.closed != 1 || tc.bad.closed != 1 {
					t.Errorf("closed %d and %d times", good.closed, tc.bad.closed)
				}
			})
		})
	}
}

func TestFailedPluginIsRunAgainEverMoreSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var starts []time.Time
		bad := &actor{run: func(context.Context, point.Sink) error { starts = append(starts, time.Now()); panic("again") }}
		e := engineOf(t, &buffer{}, program(factory("bad", bad)), "")
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		e.run(ctx, &sink{})
		if n := len(starts); n < 8 || n > 40 {
			t.Errorf("%d starts within an hour", n)
		}
		for i := 2; i < len(starts) && i < 8; i++ {
			if before, now := starts[i-1].Sub(starts[i-2]), starts[i].Sub(starts[i-1]); now < before {
				t.Errorf("delay %d is %v, after %v", i, now, before)
			}
		}
		if bad.closed != len(starts) {
			t.Errorf("%d starts, closed %d times", len(starts), bad.closed)
		}
	})
}

func TestPluginThatCannotLoadYetIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		late := &actor{load: func() error {
			if tries++; tries < 4 {
				return errors.New("/run/netns/blue: no such file or directory")
			}
			return nil
		}}
		first := factory("late", late)
		first.Fallback = "second"
		e := engineOf(t, &buffer{}, program(first, factory("second", &actor{})), "enabled_plugins = ['late']")
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { e.run(ctx, &sink{}); close(done) }()
		synctest.Wait()
		if s := state(e, "late"); s.Phase != plugins.PhaseFailed || !strings.Contains(s.Error, "no such file") || !strings.Contains(s.Detail, "runs again in") {
			t.Errorf("state is %+v", s)
		}
		time.Sleep(time.Minute)
		if s := state(e, "late"); s.Phase != plugins.PhaseRunning || tries != 4 {
			t.Errorf("state after %d tries is %+v", tries, s)
		}
		if s := state(e, "second"); s.Phase != "" {
			t.Errorf("the stand-in is %+v", s)
		}
		cancel()
		<-done
	})
}

func TestFallback(t *testing.T) {
	unsupported := &actor{load: func() error { return plugins.ErrNotSupported }}
	for name, tc := range map[string]struct {
		doc      string
		fallback string
		list     []plugins.Factory
		detail   string
		stands   string // phase of the stand-in
	}{
		"takes over":     {"enabled_plugins = ['first']", "second", []plugins.Factory{factory("second", &actor{})}, "second stands in", plugins.PhaseRunning},
		"runs anyway":    {"", "second", []plugins.Factory{factory("second", &actor{})}, "second runs anyway", plugins.PhaseRunning},
		"not linked in":  {"", "third", nil, "its stand-in third is not part of this program", ""},
		"fails as well":  {"enabled_plugins = ['first']", "second", []plugins.Factory{factory("second", unsupported)}, "second stands in", plugins.PhaseFailed},
		"has no standin": {"", "", nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := factory("first", unsupported)
				first.Fallback = tc.fallback
				e := engineOf(t, &buffer{}, program(append([]plugins.Factory{first}, tc.list...)...), tc.doc)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() { e.run(ctx, &sink{}); close(done) }()
				synctest.Wait()
				if s := state(e, "first"); s.Phase != plugins.PhaseFailed || s.Detail != tc.detail {
					t.Errorf("state of the first is %+v, want %q", s, tc.detail)
				}
				if s := state(e, "second"); s.Phase != tc.stands {
					t.Errorf("state of the second is %+v, want %q", s, tc.stands)
				}
				cancel()
				<-done
			})
		})
	}
}

func TestCheckFindsWhatNewRefuses(t *testing.T) {
	bad := plugins.Factory{Name: "bad", New: func(plugins.Config, plugins.Env) (plugins.Plugin, error) { return nil, errors.New("depth: too deep") }}
	e := engineOf(t, &buffer{}, program(bad, factory("good", &actor{})), "")
	if err := e.check(); err == nil || err.Error() != "plugin bad: depth: too deep" {
		t.Errorf("check returned %v", err)
	}
}
