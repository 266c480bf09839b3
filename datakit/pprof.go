package main

import (
	"context"
	"log/slog"

	"datakit.dev/agent/internal/profiles"
)

// profiler serves Go's profiles of the agent.
type profiler struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// startProfiler serves at address; where that fails it warns and the agent
// goes on without.
func startProfiler(address string, log *slog.Logger) *profiler {
	ctx, cancel := context.WithCancel(context.Background())
	p := &profiler{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		profiles.Serve(ctx, log, address)
	}()
	return p
}

// Close stops the service; nil is fine.
func (p *profiler) Close(context.Context) error {
	if p != nil {
		p.cancel()
		<-p.done
	}
	return nil
}
