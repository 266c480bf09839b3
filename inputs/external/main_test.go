package external

import (
	"context"
	"os"
	"testing"

	"go.uber.org/goleak"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/sdk"
)

// playKey makes the test binary play an external built with plugins/sdk.
const playKey = "EXTERNAL_TEST_PLAY"

func TestMain(m *testing.M) {
	if os.Getenv(playKey) != "" {
		os.Exit(sdk.Serve(greeter()))
	}
	goleak.VerifyTestMain(m)
}

type greeting struct {
	Word string `toml:"word"`
}

// greeter feeds one point, which carries its configuration.
func greeter() sdk.Program {
	return sdk.Program{
		Name: "greeter", Version: "3.2.1", Short: "test",
		Config: func() any { return &greeting{Word: "default"} },
		Plugins: []plugins.Factory{{Name: "greet", New: func(c plugins.Config, _ plugins.Env) (plugins.Plugin, error) {
			return greet{c.Program.(*greeting).Word}, nil
		}}},
	}
}

type greet struct{ word string }

func (greet) Load() error  { return nil }
func (greet) Close() error { return nil }

func (g greet) Run(ctx context.Context, out plugins.Sink) error {
	err := out.Feed(ctx, point.Logging, []plugins.Point{{
		Measurement: "greeting", Time: 1, Fields: []plugins.Field{{Key: "message", Value: point.String(g.word)}},
	}})
	<-ctx.Done()
	return err
}
