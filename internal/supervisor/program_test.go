package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func program(t *testing.T, mode string, change func(*Config)) *rig {
	t.Helper()
	return newRig(t, mode, func(c *Config) {
		c.Plugin = nil
		if change != nil {
			change(c)
		}
	})
}

func TestProgramIsKeptRunning(t *testing.T) {
	r := program(t, "exit", nil)
	r.run()
	r.until("three lives", func() bool { return r.Status().Restarts >= 2 && len(r.events) >= 2 })
	if st := r.Status(); !strings.Contains(st.LastError, "exit status 3") {
		t.Errorf("last error is %q", st.LastError)
	}
}

func TestProgramIsStopped(t *testing.T) {
	r := program(t, "forever", nil)
	r.run()
	r.until("it runs", func() bool { return r.log.has("msg=up") })
	pid := r.Status().PID
	r.stop()
	if alive(pid) {
		t.Error("the program lives on")
	}
	if st := r.Status(); st.Phase != PhaseStopped || st.Crashes != 0 {
		t.Errorf("status is %+v", st)
	}
}

func TestOutputIsLogged(t *testing.T) {
	r := program(t, "print", func(c *Config) {
		c.Command.Env = append(c.Command.Env, "VAR=42")
	})
	if err := Once(t.Context(), r.cfg); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`msg="to stdout"`, `msg="to stderr"`, `msg="VAR is 42 HOME is "`} {
		if !r.log.has(want) {
			t.Errorf("the log lacks %s:\n%s", want, r.log)
		}
	}
}

func TestOutputIsBounded(t *testing.T) {
	r := program(t, "flood", nil)
	if err := Once(t.Context(), r.cfg); err != nil {
		t.Fatal(err)
	}
	lines := strings.Count(r.log.String(), "\n")
	if lines > 4*linesPerPeriod || !r.log.has("output of the program suppressed") {
		t.Errorf("20,001 lines of output made %d lines of log", lines)
	}
	if len(r.log.String()) > 4*linesPerPeriod*400+2*maxLine {
		t.Errorf("the log has %d bytes", len(r.log.String()))
	}
}

func TestOnceReturnsTheStatus(t *testing.T) {
	r := program(t, "exit", nil)
	if err := Once(t.Context(), r.cfg); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("Once returned %v", err)
	}
}

func TestOnceEndsWithItsContext(t *testing.T) {
	r := program(t, "forever", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := Once(ctx, r.cfg); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Once returned %v", err)
	}
}

func grandchild(r *rig) int {
	_, rest, found := strings.Cut(r.log.String(), "grandchild ")
	if !found {
		return 0
	}
	pid, _ := strconv.Atoi(strings.TrimRight(strings.Fields(rest)[0], "\"\n"))
	return pid
}

// What a program started goes with it, whether the program ends by itself or
// is stopped.
func TestNoGrandchildIsLeft(t *testing.T) {
	t.Run("program ends", func(t *testing.T) {
		r := program(t, "grandchild", nil)
		if err := Once(t.Context(), r.cfg); err != nil {
			t.Fatal(err)
		}
		gone(t, grandchild(r))
	})
	t.Run("program is stopped", func(t *testing.T) {
		r := program(t, "grandchild", func(c *Config) { c.Command.Env = append(c.Command.Env, "STAY=1") })
		r.run()
		r.until("a grandchild", func() bool { return grandchild(r) != 0 })
		pid := grandchild(r)
		r.stop()
		gone(t, pid)
	})
}

// gone waits a moment for a killed process to be reaped by whoever adopted it.
func gone(t *testing.T, pid int) {
	t.Helper()
	if pid == 0 {
		t.Fatal("there was no grandchild")
	}
	for range 200 {
		if !alive(pid) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("process %d lives on", pid)
}

// The kernel kills the program when the agent is killed with -9.
func TestProgramDiesWithItsAgent(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	agent, err := start(Command{Path: exe, Env: []string{modeKey + "=agent"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { agent.kill(); <-agent.done; _, _ = agent.stdout.Close(), agent.stderr.Close() })
	var pid int
	if _, err := fmt.Fscan(agent.stdout, &pid); err != nil || !alive(pid) {
		t.Fatalf("the agent started no program: %d, %v", pid, err)
	}
	if group, err := unix.Getpgid(pid); err != nil || group != pid {
		t.Fatalf("the program is in process group %d (%v), want one of its own", group, err)
	}
	agent.kill()
	gone(t, pid)
}
