package tls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/nettest"
)

// usedBy reports whether a process is known to use a file with probes.
func (f *finder) usedBy(pid uint32) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.users[pid]
}

// machine is a /proc of fixtures whose programs are real, with a clock that
// is moved by hand and a finder that attaches nothing.
type machine struct {
	t        testing.TB
	dir      string
	now      time.Time
	finder   *finder
	attached map[string]int // path -> attached and not detached
	refuse   error
}

type detached func()

func (d detached) Close() error { d(); return nil }

func newMachine(t testing.TB) *machine {
	m := &machine{t: t, dir: t.TempDir(), now: time.Unix(1700000000, 0), attached: map[string]int{}}
	cfg := Config{Now: func() time.Time { return m.now }, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	cfg.FS.ProcDir = m.dir
	m.finder = newFinder(&cfg, func(path string, probes []bpf.Probe) (io.Closer, error) {
		if m.refuse != nil {
			return nil, m.refuse
		}
		real, err := filepath.EvalSymlinks(path)
		must(t, err)
		m.attached[real]++
		return detached(func() { m.attached[real]-- }), nil
	})
	return m
}

// run starts a process with a program and libraries.
func (m *machine) run(pid int, exe string, libraries ...string) {
	m.t.Helper()
	dir := filepath.Join(m.dir, fmt.Sprint(pid))
	must(m.t, os.MkdirAll(filepath.Join(dir, "map_files"), 0o755))
	_ = os.Remove(filepath.Join(dir, "exe"))
	must(m.t, os.Symlink(exe, filepath.Join(dir, "exe")))
	maps := "00400000-00452000 r-xp 00000000 08:02 173521      " + exe + "\n"
	for i, library := range libraries {
		span := fmt.Sprintf("7f%02x-7f%02x", i, i+1)
		maps += span + " r-xp 00001000 08:01 42     " + library + "\n"
		_ = os.Remove(filepath.Join(dir, "map_files", span))
		must(m.t, os.Symlink(library, filepath.Join(dir, "map_files", span)))
	}
	must(m.t, os.WriteFile(filepath.Join(dir, "maps"), []byte(maps), 0o644))
}

func (m *machine) exit(pid int) {
	m.t.Helper()
	must(m.t, os.RemoveAll(filepath.Join(m.dir, fmt.Sprint(pid))))
}

// pass lets time pass, as the finder's goroutine would see it.
func (m *machine) pass(d time.Duration) {
	for end := m.now.Add(d); ; m.now = m.now.Add(min(listTime, end.Sub(m.now))) {
		m.finder.list(m.now)
		m.finder.look(context.Background(), m.now)
		m.finder.sweep(m.now)
		m.finder.publish()
		if !m.now.Before(end) {
			return
		}
	}
}

// goProgram and plain are programs: this one, and one without TLS.
func goProgram(t testing.TB) string {
	path, err := os.Executable()
	must(t, err)
	return path
}

func plain(t testing.TB) string {
	path := filepath.Join(t.TempDir(), "plain")
	must(t, os.WriteFile(path, smallELF(), 0o755))
	return path
}

// TestOncePerFile: however many processes use a file, and through however
// many paths.
func TestOncePerFile(t *testing.T) {
	m := newMachine(t)
	program := goProgram(t)
	second := filepath.Join(t.TempDir(), "libssl-of-another-name.so")
	if err := os.Link(program, second); err != nil {
		must(t, os.Symlink(program, second))
	}
	m.run(1, program)
	m.run(2, program)
	m.run(3, plain(t), second)
	m.run(4, plain(t))
	m.pass(0)
	if len(m.finder.targets) != 1 {
		t.Errorf("%d files have probes, want 1", len(m.finder.targets))
	}
	if s := m.finder.state(); s.Files[goTLS] != 1 || s.Processes != 3 || len(s.Reasons) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestDetached(t *testing.T) {
	m := newMachine(t)
	program := goProgram(t)
	m.run(1, program)
	m.run(2, program)
	m.pass(0)
	m.exit(1)
	m.pass(2 * unusedTime)
	if m.attached[program] != 1 {
		t.Error("detached while a process uses it")
	}
	m.exit(2)
	m.pass(listTime)
	m.run(3, program) // in time
	m.pass(2 * unusedTime)
	if m.attached[program] != 1 {
		t.Error("detached and attached again for nothing")
	}
	m.exit(3)
	m.pass(listTime + unusedTime)
	if m.attached[program] != 0 || len(m.finder.targets) != 0 {
		t.Error("not detached")
	}
	m.run(4, program)
	m.pass(0)
	if m.attached[program] != 1 {
		t.Error("not attached again")
	}
	m.finder.close()
	if m.attached[program] != 0 {
		t.Error("not detached at the end")
	}
}

// TestLibraryComesLater: it is loaded when the process needs it, and may go.
func TestLibraryComesLater(t *testing.T) {
	m := newMachine(t)
	library := filepath.Join(t.TempDir(), "libssl.so.3")
	must(t, os.Symlink(goProgram(t), library))
	exe := plain(t)
	m.run(1, exe)
	m.pass(0)
	m.run(1, exe, library)
	m.pass(time.Minute)
	if !m.finder.usedBy(1) {
		t.Error("not found")
	}
	m.run(1, exe)
	m.pass(2*time.Minute + unusedTime)
	if len(m.finder.targets) != 0 {
		t.Error("stays, though nobody uses it")
	}
}

// TestExecuted: a process that becomes another program is looked at at once.
func TestExecuted(t *testing.T) {
	m := newMachine(t)
	m.run(1, plain(t))
	m.pass(5 * time.Minute)
	m.run(1, goProgram(t))
	m.finder.executed(1)
	m.finder.look(context.Background(), m.now)
	m.finder.publish()
	if !m.finder.usedBy(1) {
		t.Error("not found")
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name, reason string
		err          error
		again        bool // worth another look
	}{
		{"not permitted", "not permitted", os.ErrPermission, false},
		{"gone", "gone", os.ErrNotExist, true},
		{"otherwise", "unreadable program", errors.New("boom"), false},
		{"old Go", "go before 1.17", errGoTooOld, false},
		{"odd Go", "go code not as expected", errNoCode, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t)
			m.refuse = tt.err
			m.run(1, goProgram(t))
			m.pass(0)
			if s := m.finder.state(); s.Reasons[tt.reason] != 1 {
				t.Errorf("%+v", s)
			}
			m.refuse = nil
			m.pass(5 * time.Minute)
			if got := m.finder.usedBy(1); got != tt.again {
				t.Errorf("tried again: %v", got)
			}
		})
	}
}

func TestOutOfScope(t *testing.T) {
	m := newMachine(t)
	m.run(1, goProgram(t))
	must(t, os.MkdirAll(filepath.Join(m.dir, "1/ns"), 0o755))
	must(t, os.WriteFile(filepath.Join(m.dir, "1/ns/net"), nil, 0o644))
	m.finder.inScope = func(uint64) bool { return false }
	m.pass(0)
	if len(m.finder.targets) != 0 {
		t.Error("probes for a process that is not observed")
	}
}

// TestHints: a flood of programs does not hold the plugin up.
func TestHints(t *testing.T) {
	m := newMachine(t)
	for range maxHints + 5 {
		m.finder.hint(1)
	}
	if s := m.finder.state(); s.Hints != 5 {
		t.Errorf("%+v", s)
	}
}

func TestProcessesBound(t *testing.T) {
	m := newMachine(t)
	for pid := range uint32(maxProcesses + 10) {
		m.finder.executed(pid)
	}
	if len(m.finder.processes) != maxProcesses || m.finder.state().Reasons["too many processes"] != 10 {
		t.Errorf("%d processes, %+v", len(m.finder.processes), m.finder.state())
	}
}

// TestFinderRuns: the goroutine ends with its context.
func TestFinderRuns(t *testing.T) {
	m := newMachine(t)
	m.finder.now = time.Now
	m.run(1, goProgram(t))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		m.finder.run(ctx)
		close(done)
	}()
	nettest.Eventually(t, "the process is found", func() bool { return m.finder.usedBy(1) })
	cancel()
	<-done
	if m.attached[goProgram(t)] != 0 {
		t.Error("probes stay")
	}
}

// BenchmarkLook is the cost of looking at a process that is known.
func BenchmarkLook(b *testing.B) {
	m := newMachine(b)
	m.run(1, goProgram(b))
	m.pass(0)
	p := m.finder.processes[1]
	b.ReportAllocs()
	for b.Loop() {
		m.finder.lookAt(1, p, m.now)
	}
}

// BenchmarkInspect is the cost of looking into a Go program of 20 MB.
func BenchmarkInspect(b *testing.B) {
	path := goProgram(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := inspect(path); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStorm is the cost of a short-lived process on a machine with 2000
// others, 500 of which do TLS.
func BenchmarkStorm(b *testing.B) {
	m := newMachine(b)
	exe, program := plain(b), goProgram(b)
	for pid := range 2000 {
		m.run(10+pid, exe)
		if pid%4 == 0 {
			m.run(10+pid, program)
		}
	}
	m.run(5, exe)
	for range 20 {
		m.pass(time.Minute)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.finder.hint(5)
		m.finder.round(context.Background(), m.now)
		m.finder.forget(5, m.now)
	}
}
