package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/hostfs"
)

// host is a /proc of fixtures with a clock that is moved by hand.
type host struct {
	t    *testing.T
	proc string
	now  time.Time
}

func newHost(t *testing.T) *host {
	return &host{t: t, proc: t.TempDir(), now: time.Unix(1700000000, 0)}
}

func (h *host) table(cfg Config) *Table {
	cfg.FS.ProcDir = h.proc
	cfg.Now = func() time.Time { return h.now }
	return New(cfg)
}

func (h *host) run(pid uint32, name string, start uint64) {
	h.t.Helper()
	dir := filepath.Join(h.proc, fmt.Sprint(pid))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		h.t.Fatal(err)
	}
	stat := fmt.Sprintf("%d (%s) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n", pid, name, start)
	h.write(dir, "stat", stat)
	h.write(dir, "cgroup", "0::/"+name+"\n")
	_ = os.Remove(filepath.Join(dir, "exe"))
	if err := os.Symlink("/usr/bin/"+name, filepath.Join(dir, "exe")); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) write(dir, name, content string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) exit(pid uint32) {
	h.t.Helper()
	if err := os.RemoveAll(filepath.Join(h.proc, fmt.Sprint(pid))); err != nil {
		h.t.Fatal(err)
	}
}

// want asserts what a lookup gives; "" is unknown.
func want(t *testing.T, table *Table, pid uint32, name string) {
	t.Helper()
	got, ok := table.Lookup(pid)
	if ok != (name != "") || got.Name != name {
		t.Errorf("pid %d is %q (%v), want %q", pid, got.Name, ok, name)
	}
}

func TestLifeOfAProcess(t *testing.T) {
	h := newHost(t)
	table := h.table(Config{Verify: time.Second, Keep: time.Minute})
	h.run(7, "sh", 100)
	want(t, table, 7, "sh")
	want(t, table, 8, "")
	want(t, table, 0, "")

	h.run(7, "curl", 100) // exec
	want(t, table, 7, "sh")
	h.now = h.now.Add(time.Second)
	want(t, table, 7, "curl")
	if got := table.Exe(7); got != "/usr/bin/curl" {
		t.Errorf("exe %q after exec", got)
	}

	h.exit(7)
	h.now = h.now.Add(time.Minute)
	want(t, table, 7, "curl") // remembered
	h.now = h.now.Add(time.Second)
	want(t, table, 7, "") // forgotten
}

func TestReusedPID(t *testing.T) {
	h := newHost(t)
	table := h.table(Config{})
	h.run(7, "curl", 100)
	if got := table.Cgroup(7); got != "0::/curl\n" {
		t.Errorf("cgroup %q", got)
	}
	h.run(7, "nginx", 200)
	h.now = h.now.Add(time.Second)
	got, _ := table.Lookup(7)
	if got != (Info{PID: 7, Name: "nginx", Start: 200}) {
		t.Errorf("got %+v", got)
	}
	if got := table.Cgroup(7); got != "0::/nginx\n" {
		t.Errorf("cgroup %q belongs to the process before", got)
	}
	if n := table.Stats().Reused; n != 1 {
		t.Errorf("%d reused pids counted, want 1", n)
	}
}

// TestSameNameReused: only the start time tells these two apart.
func TestSameNameReused(t *testing.T) {
	h := newHost(t)
	table := h.table(Config{})
	h.run(7, "worker", 100)
	table.Exe(7)
	h.run(7, "worker", 200)
	h.now = h.now.Add(time.Second)
	if got, _ := table.Lookup(7); got.Start != 200 {
		t.Errorf("start %d, want 200", got.Start)
	}
}

func TestReadsAreFew(t *testing.T) {
	h := newHost(t)
	table := h.table(Config{})
	h.run(7, "curl", 100)
	for range 1000 {
		table.Lookup(7)
		table.Lookup(8) // unknown ones are not read again and again either
	}
	if n := table.Stats().Reads; n != 2 {
		t.Errorf("%d reads for 2000 lookups within a second, want 2", n)
	}
}

func TestBound(t *testing.T) {
	h := newHost(t)
	table := h.table(Config{Max: 3, Keep: time.Minute})
	for pid := uint32(1); pid <= 5; pid++ {
		h.run(pid, "p", uint64(pid))
		want(t, table, pid, "p") // right also without room
	}
	if s := table.Stats(); s.Entries != 3 || s.Full != 2 {
		t.Errorf("stats %+v, want 3 entries and 2 without room", s)
	}
	h.now = h.now.Add(time.Minute + time.Second) // nobody asks for the three
	want(t, table, 5, "p")
	if s := table.Stats(); s.Entries != 1 {
		t.Errorf("%d entries, want the old ones forgotten", s.Entries)
	}
}

func TestClockSetBack(t *testing.T) {
	h := newHost(t)
	table := h.table(Config{})
	h.run(7, "sh", 100)
	want(t, table, 7, "sh")
	h.now = h.now.Add(-time.Hour)
	h.run(7, "nginx", 200)
	want(t, table, 7, "nginx")
}

// TestThisMachine compares with what the kernel itself says about
// a process of the test.
func TestThisMachine(t *testing.T) {
	table := New(Config{FS: hostfs.Root{}, Now: time.Now})
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := uint32(cmd.Process.Pid)
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil {
		t.Fatal(err)
	}
	want(t, table, pid, strings.TrimSpace(string(name)))
	exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if got := table.Exe(pid); got != exe || got == "" {
		t.Errorf("exe %q, want %q", got, exe)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	want(t, table, pid, strings.TrimSpace(string(name)))
}

func BenchmarkLookup(b *testing.B) {
	table := New(Config{FS: hostfs.Root{}, Now: time.Now})
	pid := uint32(os.Getpid())
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := table.Lookup(pid); !ok {
			b.Fatal("this process is unknown")
		}
	}
}
