package supervisor

import (
	"time"

	"datakit.dev/agent/internal/limit"
	"datakit.dev/agent/plugins/rpc"
)

// Phases of a supervised program.
const (
	PhaseStarting = "starting"
	PhaseRunning  = "running"
	PhaseWaiting  = "waiting" // for its next start
	PhaseStopping = "stopping"
	PhaseStopped  = "stopped" // asked for, or kept down by limit_action
	PhaseFailed   = "failed"  // wrong configuration, or it cannot be started at all
)

// Status is a snapshot for doctor and /metrics.
type Status struct {
	Name       string        `json:"name"`
	Phase      string        `json:"phase"`
	Since      time.Time     `json:"since"`
	PID        int           `json:"pid,omitempty"`
	Version    string        `json:"version,omitempty"` // of the child
	Restarts   int64         `json:"restarts"`          // starts but the first
	Crashes    int64         `json:"crashes"`
	LimitExits int64         `json:"limit_exits"`
	NextStart  time.Time     `json:"next_start,omitzero"`
	LastError  string        `json:"last_error,omitempty"`
	LastErrAt  time.Time     `json:"last_error_at,omitzero"`
	HardLimits string        `json:"hard_limits,omitempty"` // "cgroup", or why there are none
	Usage      limit.Reading `json:"usage"`
	Health     rpc.Health    `json:"health"` // as of the last look; no plugins while it does not run
	Totals     rpc.Totals    `json:"totals"`
}

// Ended reports whether Run has done its work: the counters change no more.
func (s Status) Ended() bool { return s.Phase == PhaseStopped || s.Phase == PhaseFailed }

// Status returns a snapshot.
func (s *Supervisor) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	if s.watcher != nil {
		st.Usage = s.watcher.Last()
	}
	st.Totals = s.tally.Totals()
	return st
}

// Totals returns the account of the child's points, of all its lives. Read
// it within [ledger.Book.View] when it has to match other counters.
func (s *Supervisor) Totals() rpc.Totals { return s.tally.Totals() }

func (s *Supervisor) update(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}

func (s *Supervisor) phase(p string) {
	now := s.cfg.Now()
	s.update(func(st *Status) { st.Phase, st.Since = p, now })
}

func (s *Supervisor) failed(err error) {
	now := s.cfg.Now()
	s.update(func(st *Status) { st.LastError, st.LastErrAt = err.Error(), now })
	s.cfg.Errors(err)
}
