// Package supervisortest is for the tests of inputs that run an external: it
// plays the agent around them.
package supervisortest

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/supervisor"
)

// Agent takes what an input and its external deliver.
type Agent struct {
	Supervisor *supervisor.Supervisor // of Run

	t    testing.TB
	home string
	book ledger.Book
	stop func()

	mu     sync.Mutex
	lines  map[string]int // twice means delivered twice
	total  int64
	events []point.Point
	log    bytes.Buffer
	last   error
}

// New makes an agent, which ends with the test.
func New(t testing.TB) *Agent {
	t.Helper()
	home, err := os.MkdirTemp("", "dk") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	return &Agent{t: t, home: home, lines: map[string]int{}, stop: func() {}}
}

// Env is what an input gets of the agent.
func (a *Agent) Env() inputs.Env {
	return inputs.Env{
		Log: slog.New(slog.NewTextHandler(logWriter{a}, nil)), Now: time.Now, Hostname: "h1", Home: a.home,
		Blocks: a, Book: &a.book, Errors: func(err error) { a.locked(func() { a.last = err }) },
		Tags: map[string]string{"host": "h1"}, Environ: os.Environ(), APIAddr: "127.0.0.1:9529",
	}
}

// Run runs what the factory of an input built, until Stop or the end of the
// test.
func (a *Agent) Run(built any) {
	a.Supervisor = built.(*supervisor.Supervisor)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Supervisor.Run(ctx, a) }()
	a.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			a.t.Errorf("Run returned %v", err)
		}
		if left, _ := filepath.Glob(filepath.Join(a.home, "run", "*")); len(left) > 0 {
			a.t.Errorf("files are left: %v", left)
		}
	})
	a.t.Cleanup(a.stop)
}

// Stop ends the input and its external.
func (a *Agent) Stop() { a.stop() }

// Until waits until cond holds.
func (a *Agent) Until(what string, within time.Duration, cond func(supervisor.Status) bool) {
	a.t.Helper()
	for deadline := time.Now().Add(within); !cond(a.Supervisor.Status()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			a.locked(func() {
				a.t.Fatalf("%s: it did not happen; status %+v; lines %v; log:\n%s", what, a.Supervisor.Status(), a.lines, a.log.String())
			})
		}
	}
}

// Audit checks the account against what arrived: every accepted point once,
// nothing unexplained.
func (a *Agent) Audit() {
	a.t.Helper()
	a.book.View(func() {
		totals := a.Supervisor.Totals()
		held := totals.Captured - totals.Accepted - totals.Filtered - totals.Sampled - totals.Unreported - totals.Pending
		for _, n := range totals.Dropped {
			held -= n
		}
		if arrived := a.Points(); held != 0 || totals.Accepted != arrived {
			a.t.Errorf("account is %+v (%d unexplained), %d points arrived", totals, held, arrived)
		}
	})
}

// Lines tells how often each line of line protocol arrived.
func (a *Agent) Lines() (all map[string]int) {
	all = map[string]int{}
	a.locked(func() {
		for line, n := range a.lines {
			all[line] = n
		}
	})
	return all
}

// Points tells how many points arrived.
func (a *Agent) Points() (n int64) {
	a.locked(func() { n = a.total })
	return n
}

// Events are the points that the input itself fed.
func (a *Agent) Events() (all []point.Point) {
	a.locked(func() { all = append(all, a.events...) })
	return all
}

// LastError is what the input reported last.
func (a *Agent) LastError() (err error) {
	a.locked(func() { err = a.last })
	return err
}

// Put implements [point.BlockSink].
func (a *Agent) Put(_ context.Context, b *point.Block) error {
	zr, err := gzip.NewReader(bytes.NewReader(b.Payload))
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(zr)
	if err != nil {
		return err
	}
	a.book.Step(func() {
		a.locked(func() {
			for line := range strings.Lines(string(raw)) {
				a.lines[line]++
				a.total++
			}
		})
		b.Accepted()
	})
	return nil
}

// Feed implements [point.Sink].
func (a *Agent) Feed(_ context.Context, _ point.Category, pts []point.Point) error {
	a.locked(func() { a.events = append(a.events, pts...) })
	return nil
}

func (a *Agent) locked(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// logWriter keeps the log.
type logWriter struct{ a *Agent }

func (w logWriter) Write(p []byte) (n int, err error) {
	w.a.locked(func() { n, err = w.a.log.Write(p) })
	return n, err
}
