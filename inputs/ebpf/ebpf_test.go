package ebpf

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/supervisor"
)

// agent is what the input sees of the agent, and what it delivers.
type agent struct {
	t     *testing.T
	book  ledger.Book
	log   bytes.Buffer
	input *supervisor.Supervisor
	stop  func()

	mu     sync.Mutex
	points map[string]int // by line: twice means counted twice
	total  int64
	events []point.Point
	last   error
}

// Put implements point.BlockSink.
func (a *agent) Put(_ context.Context, b *point.Block) error {
	zr, err := gzip.NewReader(bytes.NewReader(b.Payload))
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(zr)
	if err != nil {
		return err
	}
	a.book.Step(func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		for line := range strings.Lines(string(raw)) {
			a.points[line]++
			a.total++
		}
		b.Accepted()
	})
	return nil
}

// Feed implements point.Sink for events.
func (a *agent) Feed(_ context.Context, _ point.Category, pts []point.Point) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, pts...)
	return nil
}

// Write implements io.Writer for the log.
func (a *agent) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.log.Write(p)
}

func (a *agent) read(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// run runs the input with a program that plays a part.
func run(t *testing.T, part string, change func(*Config)) *agent {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	home, err := os.MkdirTemp("", "dk") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	a := &agent{t: t, points: map[string]int{}}
	cfg := defaults()
	cfg.Cmd, cfg.Args, cfg.Envs = exe, nil, []string{playKey + "=" + part}
	cfg.Tags = map[string]string{"team": "a"}
	if change != nil {
		change(cfg)
	}
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	built, err := Factory().New(cfg, inputs.Env{
		Log: slog.New(slog.NewTextHandler(a, nil)), Now: time.Now, Hostname: "h1", Home: home,
		Blocks: a, Book: &a.book, Errors: func(err error) { a.read(func() { a.last = err }) },
		Tags: map[string]string{"host": "h1"}, Environ: os.Environ(), APIAddr: "127.0.0.1:9529",
	})
	if err != nil {
		t.Fatal(err)
	}
	a.input = built.(*supervisor.Supervisor)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- built.(inputs.Runner).Run(ctx, a) }()
	var once sync.Once
	a.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run returned %v", err)
			}
			if left, _ := filepath.Glob(filepath.Join(home, "run", "*")); len(left) > 0 {
				t.Errorf("files are left: %v", left)
			}
			_ = os.RemoveAll(home)
		})
	}
	t.Cleanup(a.stop)
	return a
}

func (a *agent) until(what string, within time.Duration, cond func(st supervisor.Status) bool) {
	a.t.Helper()
	deadline := time.Now().Add(within)
	for !cond(a.input.Status()) {
		if time.Now().After(deadline) {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.t.Fatalf("%s: it did not happen; status %+v; log:\n%s", what, a.input.Status(), a.log.String())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// audit checks the account against what arrived: every accepted point once,
// nothing unexplained.
func (a *agent) audit() {
	a.t.Helper()
	a.book.View(func() {
		totals := a.input.Totals()
		held := totals.Captured - totals.Accepted - totals.Filtered - totals.Sampled - totals.Unreported - totals.Pending
		for _, n := range totals.Dropped {
			held -= n
		}
		if held != 0 || totals.Accepted != a.total {
			a.t.Errorf("account is %+v (%d unexplained), %d points arrived", totals, held, a.total)
		}
	})
}

func TestPointsArriveWithTheTagsOfTheAgent(t *testing.T) {
	a := run(t, "steady", nil)
	a.until("points", 20*time.Second, func(st supervisor.Status) bool { return st.Totals.Accepted > 1000 })
	a.audit()
	a.stop()
	a.audit()
	for line, n := range a.points {
		if !strings.HasPrefix(line, "netflow,host=h1,team=a ") || n != 1 {
			t.Fatalf("%d times %q", n, line)
		}
	}
	totals := a.input.Totals()
	if totals.Unreported != 0 || totals.Pending != 0 || totals.Captured != totals.Accepted {
		t.Errorf("a stop that was asked for lost points: %+v", totals)
	}
	if len(a.events) != 0 {
		t.Errorf("events: %v", a.events)
	}
}

// kill -9 of the program in mid-stream, again and again: every point that the
// program saw acknowledged is there, none twice, the rest is unreported.
func TestKillOfTheProgram(t *testing.T) {
	a := run(t, "steady", nil)
	for life := range int64(3) {
		var target int64
		a.read(func() { target = a.total + 2000 })
		a.until("points", 30*time.Second, func(st supervisor.Status) bool { return st.PID > 0 && st.Totals.Accepted > target })
		if err := syscall.Kill(a.input.Status().PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		a.until("the death", 5*time.Second, func(st supervisor.Status) bool { return st.Crashes == life+1 })
		a.audit()
	}
	a.stop()
	a.audit()
	lives := map[int]int{}
	for _, n := range a.points {
		lives[n]++
	}
	// Each life numbers its points anew, so a number comes at most once for
	// each life.
	for n := range lives {
		if n > 4 {
			t.Errorf("a point arrived %d times in 4 lives", n)
		}
	}
	if len(a.events) != 3 {
		t.Errorf("%d events for 3 crashes", len(a.events))
	}
	t.Logf("%+v", a.input.Totals())
}

func TestStrayPanicIsReported(t *testing.T) {
	a := run(t, "stray", nil)
	a.until("a crash", 20*time.Second, func(st supervisor.Status) bool { return st.Crashes >= 1 })
	if st := a.input.Status(); !strings.Contains(st.LastError, "panic: stray goroutine") {
		t.Errorf("last error is %q", st.LastError)
	}
}

func TestUnsupportedPluginIsTheLastError(t *testing.T) {
	a := run(t, "unsupported", nil)
	a.until("the error", 20*time.Second, func(supervisor.Status) bool {
		var last error
		a.read(func() { last = a.last })
		return last != nil && strings.Contains(last.Error(), "plugin ebpf-net: attach: not supported: needs Linux 5.10 with BTF")
	})
	if st := a.input.Status(); st.Phase != supervisor.PhaseRunning || st.Crashes != 0 {
		t.Errorf("status is %+v", st)
	}
}

func TestWrongFlagIsNotTriedAgain(t *testing.T) {
	a := run(t, "steady", func(c *Config) { c.Args = []string{"--colour", "blue"} })
	a.until("it gives up", 20*time.Second, func(st supervisor.Status) bool { return st.Phase == supervisor.PhaseFailed })
	if st := a.input.Status(); st.Restarts != 0 || !strings.Contains(st.LastError, "unknown flag: --colour") {
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
			a.until("it leaves", tc.within, func(st supervisor.Status) bool { return st.LimitExits == 1 && st.Phase == supervisor.PhaseStopped })
			st := a.input.Status()
			if !strings.HasPrefix(st.LastError, tc.want) || st.Crashes != 0 {
				t.Errorf("status is %+v, want %q", st, tc.want)
			}
			a.stop()
			if len(a.events) != 1 || !strings.Contains(fmt.Sprint(a.events[0]), "external_limit") {
				t.Errorf("events are %v", a.events)
			}
			t.Log(st.LastError)
		})
	}
}
