package supervisor

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// program runs a program that delivers by itself.
func (se *session) program(ctx context.Context) outcome {
	p, err := se.launch(se.cfg.Command)
	if err != nil {
		return outcome{crashed, err}
	}
	se.copying.Go(func() { se.relay.copy(p.stdout) })
	se.copying.Go(func() { se.relay.copy(p.stderr) })
	se.phase(PhaseRunning)

	guarding, cancel := context.WithCancel(ctx)
	var exceeded error
	var guard sync.WaitGroup
	guard.Go(func() { exceeded = se.guard(guarding, p) })
	select {
	case <-p.done:
	case <-ctx.Done():
		se.phase(PhaseStopping)
		p.end(se.cfg.StopTimeout)
	}
	cancel()
	guard.Wait()
	lastWords := se.finish(p)
	switch {
	case ctx.Err() != nil:
		return outcome{ending: stopped}
	case exceeded == nil && p.state.Success():
		return outcome{finished, errors.New("the program ended with exit status 0")}
	default:
		return se.judge(p, exceeded, "", lastWords)
	}
}

// Once runs a program to its end, for programs that are started at an
// interval. A status other than 0 is an error. The program is stopped when
// ctx ends.
func Once(ctx context.Context, cfg Config) error {
	s := New(cfg)
	out := s.session(ctx)
	if out.ending == finished {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fmt.Errorf("run %s: %w", cfg.Name, out.err)
}
