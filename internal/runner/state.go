package runner

import "time"

// Phases of a job.
const (
	PhaseWaiting  = "waiting"  // for its predecessor to stop
	PhaseRunning  = "running"  //
	PhaseRestart  = "restart"  // failed, and waits to be run again
	PhaseDone     = "done"     // returned without error
	PhaseFailed   = "failed"   // cannot run
	PhaseStopping = "stopping" // was told to stop
	PhaseStopped  = "stopped"
)

// State is what is known about a job.
type State struct {
	Input string    `json:"input"`
	Place string    `json:"place"`
	Phase string    `json:"phase"`
	Since time.Time `json:"since"` // of the phase

	LastGather  time.Time     `json:"last_gather,omitzero"` // when the last gathering began
	Duration    time.Duration `json:"duration_ns"`          // how long it took
	Interval    time.Duration `json:"interval_ns,omitempty"`
	Gathers     int64         `json:"gathers"`
	Late        int64         `json:"late"` // gatherings that took longer than the interval
	Points      int64         `json:"points"`
	Errors      int64         `json:"errors"`
	Restarts    int64         `json:"restarts"`
	LastError   string        `json:"last_error,omitempty"`
	LastErrorAt time.Time     `json:"last_error_at,omitzero"`
}
