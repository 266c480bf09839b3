package sdk

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

func TestMain(m *testing.M) {
	// lumberjack keeps one goroutine for each file it ever rotated.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"))
}

// block is the block of the test program.
type block struct {
	Plugins  []string          `toml:"enabled_plugins"`
	Colour   string            `toml:"colour"`
	Interval time.Duration     `toml:"interval"`
	CPU      string            `toml:"cpu_limit"`
	Mem      string            `toml:"mem_limit"`
	Tags     map[string]string `toml:"tags"`
}

// Validate refuses one colour.
func (b *block) Validate() error {
	if b.Colour == "ultraviolet" {
		return errors.New(`colour: "ultraviolet" cannot be seen; allowed are the others`)
	}
	return nil
}

type table struct {
	Depth int `toml:"depth"`
}

// actor is a plugin of function fields.
type actor struct {
	load  func() error
	run   func(ctx context.Context, out point.Sink) error
	hooks []plugins.Hook

	mu     sync.Mutex
	closed int
}

func (a *actor) Load() error {
	if a.load == nil {
		return nil
	}
	return a.load()
}

func (a *actor) Run(ctx context.Context, out point.Sink) error {
	if a.run == nil {
		<-ctx.Done()
		return nil
	}
	return a.run(ctx, out)
}

func (a *actor) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed++
	return nil
}

func (a *actor) Hooks() []plugins.Hook { return a.hooks }

func (a *actor) Accounts() []ledger.Account {
	return []ledger.Account{{Name: "events/x", Unit: "events"}}
}

func factory(name string, a *actor) plugins.Factory {
	return plugins.Factory{Name: name, Help: "Help of " + name + ".", New: func(plugins.Config, plugins.Env) (plugins.Plugin, error) { return a, nil }}
}

// program has a block, flags and the given plugins.
func program(list ...plugins.Factory) Program {
	return Program{
		Name: "prog", Version: "1.2.3", Short: "Test", Example: "  prog run", Plugins: list,
		Config: func() any { return &block{Colour: "red", Interval: time.Minute} },
		Flags: func(fs *flag.FlagSet, cfg any) {
			b := cfg.(*block)
			fs.Var(List(&b.Plugins), "enabled", "plugins")
			fs.StringVar(&b.Colour, "paint-colour", b.Colour, "colour")
			fs.DurationVar(&b.Interval, "interval", b.Interval, "interval")
			fs.Var(Tags(&b.Tags), "tags", "tags")
			fs.StringVar(&b.CPU, "res-cpu", b.CPU, "cores")
		},
		Settings: func(cfg any) Settings {
			b := cfg.(*block)
			return Settings{Plugins: b.Plugins, Interval: b.Interval, CPULimit: b.CPU, MemLimit: b.Mem, Tags: b.Tags}
		},
	}
}

// points makes n points with different times.
func points(name string, n int) []point.Point {
	var pts []point.Point
	for i := range n {
		pts = append(pts, point.Point{
			Measurement: name, Time: int64(1e18 + i),
			Tags:   []point.Tag{{Key: "k", Value: fmt.Sprint(i)}},
			Fields: []point.Field{{Key: "v", Value: point.Int(int64(i))}},
		})
	}
	return pts
}

// buffer is a log or an output.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func textLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// sink counts points.
type sink struct {
	mu  sync.Mutex
	pts []point.Point
}

func (s *sink) Feed(_ context.Context, _ point.Category, pts []point.Point) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pts = append(s.pts, pts...)
	return nil
}

func textLogOf(w io.Writer) *slog.Logger { return slog.New(newPluginLog(w, slog.LevelInfo)) }
