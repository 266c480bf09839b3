package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestChildRunsAndFlushesWhenStopped(t *testing.T) {
	r := newRig(t, "wait", nil)
	r.run()
	r.until("health", func() bool { return len(r.Status().Health.Plugins) == 2 })
	st := r.Status()
	if st.Phase != PhaseRunning || st.Version != "9.8.7" || !alive(st.PID) {
		t.Errorf("status is %+v", st)
	}
	r.stop()
	if r.blocks != 10 {
		t.Errorf("%d points arrived, want the 10 that the child flushed", r.blocks)
	}
	totals := r.Totals()
	if totals.Accepted != 10 || totals.Unreported != 0 || balance(totals) != 0 {
		t.Errorf("account is %+v", totals)
	}
	if alive(st.PID) {
		t.Error("the child outlives its supervisor")
	}
	if len(r.events) != 0 {
		t.Errorf("a stop that was asked for made the events %v", r.events)
	}
	if !r.log.has("mind the gap") {
		t.Error("the warning of Configure was not logged")
	}
}

func TestFailedPluginIsTheLastError(t *testing.T) {
	r := newRig(t, "wait", nil)
	r.run()
	r.until("last error", func() bool {
		return len(r.errs) > 0 && r.errs[len(r.errs)-1] != nil && r.errs[len(r.errs)-1].Error() == "plugin bad: no BTF"
	})
}

// While a program waits for its next start none of its plugins is running.
func TestDeadChildHasNoPlugins(t *testing.T) {
	r := newRig(t, "wait", func(c *Config) { c.MinDelay, c.MaxDelay = time.Minute, time.Minute })
	r.run()
	r.until("health", func() bool { return len(r.Status().Health.Plugins) == 2 })
	if err := syscall.Kill(r.Status().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.until("it waits", func() bool { return r.Status().Phase == PhaseWaiting })
	if left := r.Status().Health.Plugins; len(left) > 0 {
		t.Errorf("plugins of a dead program: %+v", left)
	}
}

func TestPanicIsReportedAndChildRestarted(t *testing.T) {
	r := newRig(t, "panic", nil)
	r.run()
	r.until("three lives", func() bool { return r.blocks >= 30 })
	r.until("an event", func() bool { return len(r.events) >= 2 })
	r.stop()
	ev := r.events[0]
	if value(ev, "event") != "external_crash" || value(ev, "df_status") != "error" || value(ev, "df_source") != "datakit" || value(ev, "external") != "actor" {
		t.Errorf("event is %+v", ev)
	}
	if msg := value(ev, "df_message"); !strings.Contains(msg, "exit status 2") || !strings.Contains(msg, "panic: lost my marbles") {
		t.Errorf("message of the event is %q", msg)
	}
	if !r.log.has("goroutine ") {
		t.Error("the stack of the panic is not in the log")
	}
	if st := r.Status(); st.Crashes < 2 || st.Restarts < 2 || !strings.Contains(st.LastError, "lost my marbles") {
		t.Errorf("status is %+v", st)
	}
	if totals := r.Totals(); balance(totals) != 0 || totals.Accepted != r.blocks {
		t.Errorf("account is %+v, sink has %d points", totals, r.blocks)
	}
}

// kill -9 in mid-stream, several times: what was acknowledged is in the sink,
// nothing is counted twice, the account is always balanced.
func TestKillInMidStream(t *testing.T) {
	r := newRig(t, "stream", nil)
	r.run()
	for life := range 4 {
		var target int64
		r.mu.Lock()
		target = r.blocks + 2000
		r.mu.Unlock()
		r.until("a stream", func() bool { return r.blocks > target })
		r.book.View(func() {
			if totals := r.Totals(); balance(totals) != 0 {
				t.Errorf("life %d: account is %+v", life, totals)
			}
		})
		pid := r.Status().PID
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		r.until("its death is noticed", func() bool { return r.Status().Crashes == int64(life+1) })
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the death was noticed after %v", took)
		}
	}
	r.stop()
	totals := r.Totals()
	if balance(totals) != 0 || totals.Accepted != r.blocks || totals.Pending != 0 {
		t.Errorf("account is %+v, sink has %d points", totals, r.blocks)
	}
	t.Logf("%+v", totals)
}

func TestLimitExitIsNoCrash(t *testing.T) {
	r := newRig(t, "leave", nil)
	r.run()
	r.until("two limit exits", func() bool { return r.Status().LimitExits >= 2 && len(r.events) >= 2 })
	r.stop()
	ev := r.events[0]
	if value(ev, "event") != "external_limit" || value(ev, "df_status") != "warning" ||
		value(ev, "df_message") != "cpu_limit exceeded: 3 cores used, 2 allowed" {
		t.Errorf("event is %+v", ev)
	}
	if st := r.Status(); st.Crashes != 0 {
		t.Errorf("%d limit exits were counted as crashes", st.Crashes)
	}
	if totals := r.Totals(); totals.Unreported != 0 || totals.Accepted != r.blocks {
		t.Errorf("account is %+v", totals)
	}
}

func TestLimitActionStopKeepsItDown(t *testing.T) {
	r := newRig(t, "leave", func(c *Config) { c.LimitAction = ActionStop })
	r.run()
	r.done()
	if st := r.Status(); st.Phase != PhaseStopped || st.LimitExits != 1 || st.Restarts != 0 || !strings.Contains(st.LastError, "cpu_limit") {
		t.Errorf("status is %+v", st)
	}
	if len(r.events) != 1 {
		t.Errorf("%d events, want 1", len(r.events))
	}
}

func TestWrongConfigurationIsNotTriedAgain(t *testing.T) {
	for mode, want := range map[string]string{
		"refuse": "[[inputs.x]]:3: colour: unknown key", // by Configure
		"flags":  "unknown flag --colour",               // at start
	} {
		t.Run(mode, func(t *testing.T) {
			r := newRig(t, mode, nil)
			r.run()
			r.done()
			if st := r.Status(); st.Phase != PhaseFailed || st.Restarts != 0 || !strings.Contains(st.LastError, want) {
				t.Errorf("status is %+v", st)
			}
			if len(r.errs) == 0 || r.errs[len(r.errs)-1] == nil || len(r.events) != 1 {
				t.Errorf("errors %v, events %v", r.errs, r.events)
			}
		})
	}
}

func TestCrashAtOnceDoesNotSpin(t *testing.T) {
	r := newRig(t, "exit", func(c *Config) { c.MinDelay, c.MaxDelay = 50*time.Millisecond, 10*time.Second })
	began := time.Now()
	r.run()
	r.until("four crashes", func() bool { return r.Status().Crashes >= 4 })
	// The delays are at least 50, 100 and 200 ms.
	if took := time.Since(began); took < 350*time.Millisecond {
		t.Errorf("four crashes within %v", took)
	}
	if st := r.Status(); !strings.Contains(st.LastError, "exit status 3") {
		t.Errorf("last error is %q", st.LastError)
	}
}

func TestChildThatNeverAnswersIsKilled(t *testing.T) {
	r := newRig(t, "hang", func(c *Config) { c.StartTimeout = 200 * time.Millisecond })
	r.run()
	r.until("it is given up", func() bool { return r.Status().Crashes >= 1 })
}

func TestStopWhileStarting(t *testing.T) {
	r := newRig(t, "hang", nil)
	r.run()
	r.until("a process", func() bool { return r.Status().PID != 0 })
	pid := r.Status().PID
	began := time.Now()
	r.stop()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("stopping took %v", took)
	}
	if alive(pid) {
		t.Error("the child lives on")
	}
}

func TestStubbornChildIsKilledAtTheDeadline(t *testing.T) {
	r := newRig(t, "stubborn", func(c *Config) { c.StopTimeout = 300 * time.Millisecond })
	r.run()
	r.until("it runs", func() bool { return r.Status().Phase == PhaseRunning })
	pid := r.Status().PID
	r.stop()
	if alive(pid) {
		t.Error("the child lives on")
	}
}

func TestMissingProgramIsTriedAgain(t *testing.T) {
	r := newRig(t, "wait", func(c *Config) { c.Command.Path = filepath.Join(t.TempDir(), "nothing") })
	r.run()
	r.until("two attempts", func() bool { return r.Status().Crashes >= 2 })
	if st := r.Status(); !strings.Contains(st.LastError, "no such file") {
		t.Errorf("last error is %q", st.LastError)
	}
}

// go-plugin's own reader panics the host at such a line.
func TestHostSurvivesOddLogLines(t *testing.T) {
	r := newRig(t, "rude", nil)
	r.run()
	r.until("the line after it", func() bool { return r.log.has("level=WARN msg=polite n=1") })
}

func TestStaleSocketsAreRemoved(t *testing.T) {
	r := newRig(t, "wait", nil)
	dead := filepath.Join(r.home, "run", "x123", "plugin-dir1")
	if err := os.MkdirAll(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Bind(l, &syscall.SockaddrUnix{Name: filepath.Join(dead, "plugin1")}); err != nil {
		t.Fatal(err)
	}
	_ = syscall.Close(l) // the file stays, as after kill -9
	r.run()
	r.until("it runs", func() bool { return r.Status().Phase == PhaseRunning })
	if _, err := os.Stat(filepath.Join(r.home, "run", "x123")); !os.IsNotExist(err) {
		t.Errorf("the socket of a dead agent is still there: %v", err)
	}
	// One that is in use stays.
	if err := prepareRunDir(filepath.Join(r.home, "run")); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(r.home, "run", "x*", "plugin-dir*", "plugin*")); len(left) != 1 {
		t.Errorf("sockets in use: %v", left)
	}
}
