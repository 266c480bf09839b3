package container

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/internal/supervisor/supervisortest"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/sdk"
)

// playKey makes the test binary play datakit-container instead of testing.
const playKey = "HOST_TEST_PLAY"

func TestMain(m *testing.M) {
	if os.Getenv(playKey) != "" {
		os.Exit(sdk.Serve(sdk.Program{
			Name: "datakit-container", Version: "test", Short: "test",
			Config: func() any { return plugins.DefaultContainer() },
			Plugins: []plugins.Factory{{Name: "container", Help: "test", New: func(cfg plugins.Config, _ plugins.Env) (plugins.Plugin, error) {
				return echo{cfg.Program.(*plugins.Container)}, nil
			}}},
		}))
	}
	goleak.VerifyTestMain(m)
}

// echo reports what it was configured with.
type echo struct{ cfg *plugins.Container }

func (echo) Load() error  { return nil }
func (echo) Close() error { return nil }

func (e echo) Run(ctx context.Context, out plugins.Sink) error {
	err := out.(plugins.Storer).Store(ctx, plugins.Metric, []plugins.Point{{
		Measurement: e.cfg.Endpoints[0], Time: 1,
		Tags: []plugins.Tag{{Key: "state", Value: e.cfg.StateDir}}, Fields: []plugins.Field{{Key: "f", Value: plugins.Int(1)}},
	}})
	<-ctx.Done()
	return err
}

// The block reaches the program, and its points the agent.
func TestProgramIsRunAndConfigured(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := defaults()
	cfg.Cmd, cfg.Endpoints, cfg.Envs = exe, []string{"unix:///run/mine.sock"}, []string{playKey + "=1"}
	a := supervisortest.New(t)
	built, err := Factory().New(cfg, a.Env())
	if err != nil {
		t.Fatal(err)
	}
	a.Run(built)
	a.Until("a point", 20*time.Second, func(supervisor.Status) bool { return a.Points() > 0 })
	a.Stop()
	a.Audit()
	want := "unix:///run/mine.sock,state=" + filepath.Join(a.Env().Home, "data/container") + ",host=h1 f=1i 1\n"
	if lines := a.Lines(); lines[want] != 1 || len(lines) != 1 {
		t.Errorf("got %v, want %q", lines, want)
	}
}
