package bpf

import (
	"fmt"
	"time"

	"github.com/cilium/ebpf"
)

type loaded struct {
	name    string
	program *ebpf.Program
}

// ProgramStats is what the kernel counted for one instance of a program.
type ProgramStats struct {
	Name string
	// Runs and Time stay 0 unless the kernel gathers statistics, which costs
	// about 20 ns per run (kernel.bpf_stats_enabled).
	Runs uint64
	Time time.Duration
	// Missed counts events that this instance did not see because it was
	// running on that CPU already (Linux 5.12 and later; 0 before).
	Missed uint64
}

// Stats returns the statistics of all programs, in the order they were
// loaded. It may be called from any goroutine once all are.
func (o *Object) Stats() ([]ProgramStats, error) {
	all := make([]ProgramStats, 0, len(o.programs))
	for _, l := range o.programs {
		s, err := l.program.Stats()
		if err != nil {
			return nil, fmt.Errorf("read statistics of program %s: %w", l.name, err)
		}
		all = append(all, ProgramStats{l.name, s.RunCount, s.Runtime, s.RecursionMisses})
	}
	return all, nil
}
