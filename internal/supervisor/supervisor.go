package supervisor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"datakit.dev/agent/internal/backoff"
	"datakit.dev/agent/internal/limit"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins/rpc"
)

// Supervisor keeps one program running.
type Supervisor struct {
	cfg   Config
	tally *rpc.Tally

	mu      sync.Mutex
	status  Status
	watcher *limit.Watcher // of the current child
}

// New makes a supervisor. It starts nothing.
func New(cfg Config) *Supervisor {
	cfg.setDefaults()
	return &Supervisor{cfg: cfg, tally: &rpc.Tally{}, status: Status{Name: cfg.Name, Phase: PhaseStarting, Since: cfg.Now()}}
}

// Run keeps the program running until ctx ends; it has been stopped and
// reaped by then. Crashes and exceeded limits go to events as keyevent points
// ([EventSpec]). It has the form of an input that runs by itself.
//
// It returns nil before that when the program is not to be started again:
// its configuration is wrong, or it exceeded a limit with [ActionStop]. The
// last error says so. Run is called once.
func (s *Supervisor) Run(ctx context.Context, events point.Sink) error {
	if s.cfg.Plugin != nil {
		if err := prepareRunDir(s.cfg.Plugin.RunDir); err != nil {
			s.phase(PhaseFailed)
			return fmt.Errorf("prepare socket folder: %w", err)
		}
	}
	delays := backoff.New(s.cfg.MinDelay, s.cfg.MaxDelay, nil)
	coolDowns := backoff.New(s.cfg.CoolDown, s.cfg.MaxCoolDown, nil)
	for {
		s.phase(PhaseStarting)
		began := time.Now()
		out := s.session(ctx)
		if ctx.Err() != nil {
			s.phase(PhaseStopped)
			return nil
		}
		var delay time.Duration
		switch out.ending {
		case misconfigured:
			s.phase(PhaseFailed)
			s.failed(out.err)
			s.cfg.Log.Error("external is configured wrongly and stays down", "error", out.err)
			s.event(ctx, events, out, -1)
			return nil
		case limited:
			s.update(func(st *Status) { st.LimitExits++ })
			if s.cfg.LimitAction == ActionStop {
				s.phase(PhaseStopped)
				s.failed(out.err)
				s.cfg.Log.Error("external exceeded a limit and stays down", "error", out.err)
				s.event(ctx, events, out, -1)
				return nil
			}
			coolDowns.Ran(time.Since(began))
			delay = coolDowns.Next()
		default:
			s.update(func(st *Status) { st.Crashes++ })
			delays.Ran(time.Since(began))
			delay = delays.Next()
		}
		s.wait(ctx, events, out, delay)
		if ctx.Err() != nil {
			s.phase(PhaseStopped)
			return nil
		}
	}
}

// wait reports the end of a session and lets the delay pass.
func (s *Supervisor) wait(ctx context.Context, events point.Sink, out outcome, delay time.Duration) {
	if out.err == nil {
		out.err = errors.New("the program ended")
	}
	s.phase(PhaseWaiting)
	s.failed(out.err)
	next := s.cfg.Now().Add(delay)
	s.update(func(st *Status) { st.NextStart = next })
	s.cfg.Log.Error("external ended and will be started again", "error", out.err, "delay", delay.Round(time.Millisecond))
	s.event(ctx, events, out, delay)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	s.update(func(st *Status) { st.NextStart = time.Time{}; st.Restarts++ })
}
