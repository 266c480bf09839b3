// Command example is a complete external collector: copy it to begin your own.
// The agent runs it with
//
//	[[inputs.external]]
//	name = "example"
//	cmd = "externals/example"
//	plugin = true
package main

import (
	"context"
	"os"
	"time"

	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/sdk"
)

func main() {
	beat := plugins.Factory{Name: "heartbeat", Help: "One point per interval.",
		New: func(_ plugins.Config, env plugins.Env) (plugins.Plugin, error) { return heartbeat{env}, nil }}
	os.Exit(sdk.Serve(sdk.Program{Name: "example", Version: "1.0", Short: "Show how to collect", Plugins: []plugins.Factory{beat}}))
}

type heartbeat struct{ env plugins.Env }

func (heartbeat) Load() error  { return nil }
func (heartbeat) Close() error { return nil }

func (h heartbeat) Run(ctx context.Context, out plugins.Sink) error {
	for beats := int64(1); ; beats++ {
		p := plugins.Point{Measurement: "heartbeat", Fields: []plugins.Field{{Key: "beats", Value: plugins.Int(beats)}}}
		if err := out.Feed(ctx, plugins.Metric, []plugins.Point{p}); err != nil {
			return err
		}
		select {
		case <-time.After(h.env.Interval):
		case <-ctx.Done():
			return nil
		}
	}
}
