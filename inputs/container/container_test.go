package container

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
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
		Measurement: e.cfg.Endpoints[0], Fields: []plugins.Field{{Key: "f", Value: plugins.Int(1)}}, Time: 1,
	}})
	<-ctx.Done()
	return err
}

type agent struct {
	book ledger.Book
	once sync.Once
	got  chan *point.Block
}

func (a *agent) Put(_ context.Context, b *point.Block) error {
	a.book.Step(b.Accepted)
	a.once.Do(func() { a.got <- b })
	return nil
}

func (a *agent) Feed(context.Context, point.Category, []point.Point) error { return nil }

// The block reaches the program, and its points the agent.
func TestProgramIsRunAndConfigured(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("", "dk") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	a := &agent{got: make(chan *point.Block, 1)}
	cfg := defaults()
	cfg.Cmd, cfg.Endpoints = exe, []string{"unix:///run/mine.sock"}
	built, err := Factory().New(cfg, inputs.Env{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Hostname: "h", Home: home, Blocks: a, Book: &a.book,
		Errors: func(error) {}, Tags: map[string]string{"host": "h"}, Environ: append(os.Environ(), playKey+"=1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- built.(inputs.Runner).Run(ctx, a) }()
	select {
	case b := <-a.got:
		if b.Points != 1 || b.Category != point.Metric {
			t.Errorf("got %+v", b)
		}
	case <-time.After(20 * time.Second):
		t.Error("no point came")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
