package ebpf

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/internal/supervisor/supervisortest"
)

// run runs the input with a program that plays a part.
func run(t *testing.T, part string, change func(*Config)) *supervisortest.Agent {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := defaults()
	cfg.Cmd, cfg.Args, cfg.Envs = exe, nil, []string{playKey + "=" + part}
	cfg.Tags = map[string]string{"team": "a"}
	if change != nil {
		change(cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	a := supervisortest.New(t)
	built, err := Factory().New(cfg, a.Env())
	if err != nil {
		t.Fatal(err)
	}
	a.Run(built)
	return a
}

func TestPointsArriveWithTheTagsOfTheAgent(t *testing.T) {
	a := run(t, "steady", nil)
	a.Until("points", 20*time.Second, func(st supervisor.Status) bool { return st.Totals.Accepted > 1000 })
	a.Audit()
	a.Stop()
	a.Audit()
	for line, n := range a.Lines() {
		if !strings.HasPrefix(line, "netflow,host=h1,team=a ") || n != 1 {
			t.Fatalf("%d times %q", n, line)
		}
	}
	totals := a.Supervisor.Totals()
	if totals.Unreported != 0 || totals.Pending != 0 || totals.Captured != totals.Accepted {
		t.Errorf("a stop that was asked for lost points: %+v", totals)
	}
	if len(a.Events()) != 0 {
		t.Errorf("events: %v", a.Events())
	}
}

// kill -9 of the program in mid-stream, again and again: every point that the
// program saw acknowledged is there, none twice, the rest is unreported.
func TestKillOfTheProgram(t *testing.T) {
	a := run(t, "steady", nil)
	for life := range int64(3) {
		target := a.Points() + 2000
		a.Until("points", 30*time.Second, func(st supervisor.Status) bool { return st.PID > 0 && st.Totals.Accepted > target })
		if err := syscall.Kill(a.Supervisor.Status().PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		a.Until("the death", 5*time.Second, func(st supervisor.Status) bool { return st.Crashes == life+1 })
		a.Audit()
	}
	a.Stop()
	a.Audit()
	lives := map[int]int{}
	for _, n := range a.Lines() {
		lives[n]++
	}
	// Each life numbers its points anew, so a number comes at most once for
	// each life.
	for n := range lives {
		if n > 4 {
			t.Errorf("a point arrived %d times in 4 lives", n)
		}
	}
	if len(a.Events()) != 3 {
		t.Errorf("%d events for 3 crashes", len(a.Events()))
	}
	t.Logf("%+v", a.Supervisor.Totals())
}

func TestStrayPanicIsReported(t *testing.T) {
	a := run(t, "stray", nil)
	a.Until("a crash", 20*time.Second, func(st supervisor.Status) bool { return st.Crashes >= 1 })
	if st := a.Supervisor.Status(); !strings.Contains(st.LastError, "panic: stray goroutine") {
		t.Errorf("last error is %q", st.LastError)
	}
}

func TestUnsupportedPluginIsTheLastError(t *testing.T) {
	a := run(t, "unsupported", nil)
	a.Until("the error", 20*time.Second, func(supervisor.Status) bool {
		last := a.LastError()
		return last != nil && strings.Contains(last.Error(), "plugin ebpf-net: attach: not supported: needs Linux 5.10 with BTF")
	})
	if st := a.Supervisor.Status(); st.Phase != supervisor.PhaseRunning || st.Crashes != 0 {
		t.Errorf("status is %+v", st)
	}
}

func TestWrongFlagIsNotTriedAgain(t *testing.T) {
	a := run(t, "steady", func(c *Config) { c.Args = []string{"--colour", "blue"} })
	a.Until("it gives up", 20*time.Second, func(st supervisor.Status) bool { return st.Phase == supervisor.PhaseFailed })
	if st := a.Supervisor.Status(); st.Restarts != 0 || !strings.Contains(st.LastError, "unknown flag: --colour") {
		t.Errorf("status is %+v", st)
	}
}

// The program watches itself: each limit by really exceeding it. The
// averages need a window of ten seconds.
func TestLimits(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than ten seconds")
	}
	for name, tc := range map[string]struct {
		part   string
		root   bool
		limit  func(*Config)
		within time.Duration
		want   string
	}{
		"cpu":     {"burn", false, func(c *Config) { c.CPULimit = "0.3" }, 40 * time.Second, "cpu_limit exceeded"},
		"memory":  {"grow", false, func(c *Config) { c.MemLimit = "128MiB" }, 40 * time.Second, "mem_limit exceeded"},
		"network": {"network", true, func(c *Config) { c.NetLimit = "1MiB/s" }, 40 * time.Second, "net_limit exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.root && os.Geteuid() != 0 {
				t.Skip("needs root, for a network namespace")
			}
			t.Parallel()
			a := run(t, tc.part, func(c *Config) {
				c.LimitAction = supervisor.ActionStop
				tc.limit(c)
			})
			a.Until("it leaves", tc.within, func(st supervisor.Status) bool { return st.LimitExits == 1 && st.Phase == supervisor.PhaseStopped })
			st := a.Supervisor.Status()
			if !strings.HasPrefix(st.LastError, tc.want) || st.Crashes != 0 {
				t.Errorf("status is %+v, want %q", st, tc.want)
			}
			a.Stop()
			if len(a.Events()) != 1 || !strings.Contains(fmt.Sprint(a.Events()[0]), "external_limit") {
				t.Errorf("events are %v", a.Events())
			}
			t.Log(st.LastError)
		})
	}
}
