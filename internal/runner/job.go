package runner

import (
	"time"

	"datakit.dev/agent/internal/point"
)

// Job is one input to run.
type Job struct {
	Input string // name of the input
	Place string // where it is configured, "file:line"

	// Key stands for everything the job depends on. A job is restarted
	// exactly when its key changes; jobs with equal keys are interchangeable.
	Key string

	// Interval of an [inputs.Input]; zero means a minute.
	Interval time.Duration

	// New builds an [inputs.Input] or an [inputs.Runner] for one attempt.
	// Its error is final: it does no I/O, so it would fail again. report
	// records the input's last error; nil clears it.
	New func(report func(error)) (any, error)

	// Failed, when set, is told every error of the input, and nil when it
	// works again.
	Failed func(err error)

	Out point.Sink
}
