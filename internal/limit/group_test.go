package limit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// machine is a /proc/self and a cgroup v2 made of plain files. The kernel
// makes the control files of a new cgroup; here the test has to.
type machine struct {
	t          *testing.T
	self, root string
}

func newMachine(t *testing.T, path, options string) machine {
	t.Helper()
	m := machine{t, t.TempDir(), t.TempDir()}
	m.file(filepath.Join(m.self, "cgroup"), "1:name=systemd:/\n0::"+path+"\n")
	m.file(filepath.Join(m.self, "mountinfo"), fmt.Sprintf(
		"22 1 8:1 / / rw - ext4 /dev/sda rw\n30 22 0:26 / %s %s,nosuid shared:4 - cgroup2 cgroup2 rw\n", m.root, options))
	m.file(filepath.Join(m.root, path, "cgroup.controllers"), "cpuset cpu io memory pids")
	m.file(filepath.Join(m.root, path, "cgroup.subtree_control"), "")
	m.file(filepath.Join(m.root, path, "cgroup.procs"), fmt.Sprintln(os.Getpid()))
	if path != "/" {
		m.file(filepath.Join(m.root, path, "cgroup.type"), "domain")
	}
	return m
}

func (m machine) file(path, text string) {
	m.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) read(path ...string) string {
	m.t.Helper()
	raw, err := os.ReadFile(filepath.Join(append([]string{m.root}, path...)...))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(raw)
}

func TestGroupInADelegatedUnit(t *testing.T) {
	const unit = "/system.slice/datakit.service"
	m := newMachine(t, unit, "rw")
	m.file(filepath.Join(m.root, unit, "agent/cgroup.procs"), "")
	for _, f := range []string{"cpu.max", "memory.max", "memory.oom.group"} {
		m.file(filepath.Join(m.root, unit, "datakit-ebpf", f), "")
	}
	m.file(filepath.Join(m.root, unit, "datakit-ebpf/memory.events"), "low 0\noom 2\noom_kill 1\n")

	g, err := newGroup(m.self, "ebpf", Limits{CPU: 2, Mem: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"agent/cgroup.procs":            fmt.Sprint(os.Getpid()),
		"cgroup.subtree_control":        "+cpu +memory",
		"datakit-ebpf/cpu.max":          "250000 100000",
		"datakit-ebpf/memory.max":       "2147483648",
		"datakit-ebpf/memory.oom.group": "1",
	} {
		if got := m.read(unit, file); got != want {
			t.Errorf("%s holds %q, want %q", file, got, want)
		}
	}
	if got := g.OOMKills(); got != 1 {
		t.Errorf("%d kills for memory, want 1", got)
	}
}

func TestGroupOfCPUAlone(t *testing.T) {
	m := newMachine(t, "/a", "rw")
	m.file(filepath.Join(m.root, "a/cgroup.subtree_control"), "cpu memory pids")
	for _, f := range []string{"cpu.max", "memory.max", "memory.oom.group"} {
		m.file(filepath.Join(m.root, "a/datakit-x", f), "")
	}
	if _, err := newGroup(m.self, "x", Limits{CPU: 0.5}); err != nil {
		t.Fatal(err)
	}
	if got := m.read("a/datakit-x/cpu.max") + " " + m.read("a/datakit-x/memory.max"); got != "62500 100000 max" {
		t.Errorf("limits are %q", got)
	}
}

func TestGroupLeavesForeignCgroupsAlone(t *testing.T) {
	for name, tc := range map[string]struct {
		path, options string
		change        func(m machine)
		limits        Limits
		want          string
	}{
		"no limit":            {"/a", "rw", nil, Limits{Net: 1}, "no limit"},
		"read-only":           {"/a", "ro", nil, Limits{CPU: 1}, "read-only"},
		"root, not enabled":   {"/", "rw", nil, Limits{CPU: 1}, "not enabled at the root"},
		"others live here":    {"/a", "rw", func(m machine) { m.file(filepath.Join(m.root, "a/cgroup.procs"), "1\n2\n") }, Limits{CPU: 1}, "other processes"},
		"controllers missing": {"/a", "rw", func(m machine) { m.file(filepath.Join(m.root, "a/cgroup.controllers"), "pids") }, Limits{CPU: 1}, "controller cpu is not available"},
		"only cgroup v1":      {"/a", "rw", func(m machine) { m.file(filepath.Join(m.self, "cgroup"), "1:cpu:/\n") }, Limits{CPU: 1}, "in no cgroup v2"},
		"not mounted":         {"/a", "rw", func(m machine) { m.file(filepath.Join(m.self, "mountinfo"), "") }, Limits{CPU: 1}, "no cgroup v2 file system"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t, tc.path, tc.options)
			if tc.change != nil {
				tc.change(m)
			}
			_, err := newGroup(m.self, "x", tc.limits)
			if !errors.Is(err, ErrNoCgroup) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want ErrNoCgroup with %q", err, tc.want)
			}
			if _, err := os.Stat(filepath.Join(m.root, tc.path, groupPrefix+"x")); err == nil {
				t.Error("a cgroup was left behind")
			}
		})
	}
}

// The name of a program is the user's; it never means a cgroup of others, nor
// the one the agent itself is in.
func TestGroupOfAnyName(t *testing.T) {
	for _, name := range []string{"agent", "system.slice", "..", "../b", "a/b"} {
		m := newMachine(t, "/a", "rw")
		others := []string{"agent", "a/agent", "a/system.slice", "b", "a/a/b"}
		for _, dir := range others {
			m.file(filepath.Join(m.root, dir, "memory.max"), "theirs")
		}
		_, err := newGroup(m.self, name, Limits{Mem: 1 << 20}) // fails: nobody made the control files
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
		for _, dir := range others {
			if got := m.read(dir, "memory.max"); got != "theirs" {
				t.Errorf("%s: the limit of %s became %s", name, dir, got)
			}
		}
	}
}

// On this very machine: either a group with the limits in force, or a reason.
func TestGroupHere(t *testing.T) {
	g, err := NewGroup("datakit-test", Limits{CPU: 1, Mem: 64 << 20})
	if errors.Is(err, ErrNoCgroup) {
		t.Log(err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(g.dir, "memory.max"))
	if err != nil || strings.TrimSpace(string(raw)) != fmt.Sprint(128<<20) {
		t.Errorf("memory.max is %q, %v", raw, err)
	}
	if err := g.Remove(); err != nil {
		t.Error(err)
	}
}
