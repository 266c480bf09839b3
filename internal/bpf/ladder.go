package bpf

import (
	"errors"
	"io"
	"strings"
)

// Rung is one way to serve a feature.
type Rung struct {
	// Number orders ways by how stable the kernel keeps them: 1 procfs,
	// netlink, iterators; 2 tracepoints; 3 cgroup and other program types
	// with a contract; 4 fentry, fexit; 5 kprobes.
	Number int
	Attach string // where it is attached: "tp_btf/tcp_destroy_sock"
	Since  string // the first kernel that has it
	Open   func() (io.Closer, error)
}

// Status is where a feature stands.
type Status struct {
	Feature, Attach string
	Rung            int
	OK              bool
	Reason          string // why not, or why not on a better rung; a line for each that was tried
}

// Ladder holds what is attached. It is not safe for concurrent use.
type Ladder struct {
	attached Closers
	status   []Status
}

// Take serves a feature with the first of the rungs that can be attached for
// real. The error, when none can, wraps [ErrNotSupported].
func (l *Ladder) Take(feature string, rungs ...Rung) error {
	var errs []error
	for _, r := range rungs {
		c, err := r.Open()
		if err != nil {
			errs = append(errs, &Unsupported{Feature: r.Attach, Since: r.Since, Err: err})
			continue
		}
		l.attached = append(l.attached, c)
		l.status = append(l.status, Status{feature, r.Attach, r.Number, true, reason(errs)})
		return nil
	}
	best := rungs[0]
	l.status = append(l.status, Status{feature, best.Attach, best.Number, false, reason(errs)})
	return errors.Join(errs...)
}

func reason(errs []error) string {
	var lines []string
	for _, err := range errs {
		lines = append(lines, err.Error())
	}
	return strings.Join(lines, "\n")
}

// Status returns where each feature stands, in the order they were taken.
func (l *Ladder) Status() []Status { return l.status }

// Close detaches everything, in reverse order. It is idempotent.
func (l *Ladder) Close() error {
	err := l.attached.Close()
	l.attached = nil
	return err
}
