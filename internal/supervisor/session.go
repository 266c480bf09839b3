package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"

	"datakit.dev/agent/internal/limit"
)

// session is one life of the program.
type session struct {
	*Supervisor
	group *limit.Group // nil when there is no cgroup to limit in

	mu      sync.Mutex
	process *process
	relay   *relay
	copying sync.WaitGroup
}

// newSession makes a session whose program logs to log.
func newSession(s *Supervisor, log *slog.Logger) *session {
	return &session{Supervisor: s, relay: &relay{log: log, now: s.cfg.Now, plain: slog.LevelInfo}}
}

// session starts the program and returns when it has been reaped.
func (s *Supervisor) session(ctx context.Context) outcome {
	se := newSession(s, s.cfg.Log)
	se.confine()
	defer se.release()
	if s.cfg.Plugin == nil {
		return se.program(ctx)
	}
	return se.child(ctx)
}

// confine makes the cgroup, where there may be one.
func (se *session) confine() {
	if !se.cfg.Limits.Any() {
		return
	}
	group, err := limit.NewGroup(se.cfg.Name, se.cfg.Limits)
	why := "cgroup"
	if err != nil {
		why = err.Error()
	}
	se.group = group
	se.update(func(st *Status) { st.HardLimits = why })
}

func (se *session) release() {
	if se.group == nil {
		return
	}
	if err := se.group.Remove(); err != nil {
		se.cfg.Log.Warn("cgroup of the external is left behind", "error", err)
	}
}

// launch starts the process.
func (se *session) launch(c Command) (*process, error) {
	var dir *os.File
	if se.group != nil {
		var err error
		if dir, err = se.group.Open(); err != nil {
			return nil, err
		}
		defer func() { _ = dir.Close() }()
	}
	p, err := start(c, dir)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	se.mu.Lock()
	se.process = p
	se.mu.Unlock()
	se.update(func(st *Status) { st.PID = p.pid })
	return p, nil
}

// kill ends the process, if there is one, at once.
func (se *session) kill() {
	se.mu.Lock()
	p := se.process
	se.mu.Unlock()
	if p != nil {
		p.kill()
	}
}

// drain is how long output may still arrive after the end of a process: a
// grandchild that left the process group may hold the pipe forever.
const drain = time.Second

// finish waits for the end of the process's output and returns its last
// words.
func (se *session) finish(p *process) string {
	deadline := time.Now().Add(drain)
	_ = p.stdout.SetReadDeadline(deadline)
	_ = p.stderr.SetReadDeadline(deadline)
	se.copying.Wait()
	_, _ = p.stdout.Close(), p.stderr.Close()
	se.update(func(st *Status) { st.PID, st.Health.Plugins = 0, nil })
	return se.relay.finish()
}

// guard watches the limits of a process until ctx ends, as the backstop of
// what the child does by itself: it averages over a longer window and leaves
// memory half as much again, so that a child that watches itself gets to say
// why and to flush. It kills the process and returns why.
func (se *session) guard(ctx context.Context, p *process) error {
	limits := se.cfg.Limits
	limits.Mem += limits.Mem / 2
	w := &limit.Watcher{Limits: limits, Read: limit.Tree(p.pid, se.cfg.FS), Window: se.cfg.LimitWindow, Now: time.Now,
		Every: min(limit.DefaultEvery, se.cfg.LimitWindow/5)}
	se.setWatcher(w)
	defer se.setWatcher(nil)
	err := w.Run(ctx)
	if err != nil {
		p.kill()
	}
	return err
}

func (se *session) setWatcher(w *limit.Watcher) {
	se.Supervisor.mu.Lock()
	defer se.Supervisor.mu.Unlock()
	se.watcher = w
}

// judge makes an outcome of the end of a process that nobody asked for.
func (se *session) judge(p *process, exceeded error, leaving, lastWords string) outcome {
	switch {
	case exceeded != nil:
		return outcome{limited, fmt.Errorf("killed by the supervisor: %w", exceeded)}
	case se.group != nil && se.group.OOMKills() > 0 && killedBy(p.state, syscall.SIGKILL):
		return outcome{limited, errors.New("mem_limit exceeded: killed by the kernel at twice the limit")}
	default:
		return classify(p.state, leaving, lastWords)
	}
}
