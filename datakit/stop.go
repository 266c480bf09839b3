package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// stepTimeout is what each step of a stop may take.
const stepTimeout = 15 * time.Second

// stop ends everything in the order in which points flow, so that each stage
// is empty before the next one ends. A step that takes too long is named and
// the next one goes on. It is fine after a start that failed.
func (a *agent) stop() error {
	var errs []error
	step := func(name string, run func(ctx context.Context) error) {
		ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
		defer cancel()
		if err := run(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", name, err))
		}
	}
	if a.inputs != nil {
		step("inputs", a.inputs.Close) // an external's children are told to stop by its Run
	}
	step("HTTP API", a.public.Close)
	for _, f := range []*intake{a.own, a.api} {
		if f != nil {
			step("feed "+f.name, f.feed.Close)
		}
	}
	if a.uploads != nil {
		step("uploads", a.uploads.Close)
	}
	if a.queue != nil {
		step("queue", func(context.Context) error { return a.queue.Close() })
	}
	step("admin API", a.admin.Close)
	step("pprof", a.pprof.Close)
	a.log.Info("agent has stopped")
	return errors.Join(append(errs, a.logFile.Close(), a.lock.Close())...)
}
