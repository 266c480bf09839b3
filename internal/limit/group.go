package limit

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoCgroup is wrapped when a [Group] cannot be made; the text says why.
var ErrNoCgroup = errors.New("no cgroup v2 to limit in")

// What the kernel allows above the watched limits: the watcher should be the
// one to act, because it can say why.
const (
	cpuHeadroom = 1.25
	memHeadroom = 2
	cpuPeriod   = 100_000 // microseconds
)

// Group is a cgroup v2 that bounds the CPU time and the memory of the
// processes started in it.
type Group struct{ dir string }

// NewGroup makes a cgroup beside the one this process is in, or below it when
// it is the root of the hierarchy. It changes nothing that somebody else
// manages: it fails with [ErrNoCgroup] where the controllers have not been
// handed to us. A group of the same name that an earlier run left behind is
// used again.
//
// Under systemd the unit needs Delegate=yes. The agent's own cgroup then
// holds processes and may not have children with controllers, so the agent
// first moves itself into a sub-cgroup "agent".
func NewGroup(name string, l Limits) (*Group, error) {
	return newGroup("/proc/self", name, l)
}

func newGroup(self, name string, l Limits) (*Group, error) {
	if l.CPU <= 0 && l.Mem <= 0 {
		return nil, fmt.Errorf("%w: no limit of CPU or memory is set", ErrNoCgroup)
	}
	parent, err := delegated(self)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoCgroup, err)
	}
	g := &Group{dir: filepath.Join(parent, groupPrefix+url.PathEscape(name))}
	if err := os.Mkdir(g.dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%w: %w", ErrNoCgroup, err)
	}
	if err := g.apply(l); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrNoCgroup, err), g.Remove())
	}
	return g, nil
}

// delegated returns the directory below which cgroups with the controllers
// cpu and memory may be made.
func delegated(self string) (string, error) {
	own, err := ownCgroup(self)
	if err != nil {
		return "", err
	}
	if filepath.Base(own.dir) == agentGroup { // moved by an earlier call
		own.dir = filepath.Dir(own.dir)
	}
	have, err := os.ReadFile(filepath.Join(own.dir, "cgroup.controllers"))
	if err != nil {
		return "", err
	}
	for _, c := range controllers {
		if !slices.Contains(strings.Fields(string(have)), c) {
			return "", fmt.Errorf("the controller %s is not available in %s (cgroup v1, or not handed down)", c, own.dir)
		}
	}
	enabled, err := os.ReadFile(filepath.Join(own.dir, "cgroup.subtree_control"))
	if err != nil {
		return "", err
	}
	if containsAll(strings.Fields(string(enabled)), controllers) {
		return own.dir, nil
	}
	if own.root {
		return "", fmt.Errorf("the controllers cpu and memory are not enabled at the root %s", own.dir)
	}
	return own.dir, vacate(own.dir)
}

const agentGroup = "agent"

// groupPrefix keeps a name that a user gave to a program, such as "agent" or
// "system.slice", from meaning a cgroup that is not ours.
const groupPrefix = "datakit-"

var controllers = []string{"cpu", "memory"}

// vacate moves the processes of a cgroup that is ours alone into a sub-group
// and enables the controllers for its children.
func vacate(dir string) error {
	pids, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return err
	}
	if list := strings.Fields(string(pids)); len(list) > 0 && !slices.Equal(list, []string{strconv.Itoa(os.Getpid())}) {
		return fmt.Errorf("the cgroup %s holds other processes than this agent", dir)
	}
	agent := filepath.Join(dir, agentGroup)
	if err := os.Mkdir(agent, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := write(agent, "cgroup.procs", strconv.Itoa(os.Getpid())); err != nil {
		return err
	}
	return write(dir, "cgroup.subtree_control", "+cpu +memory")
}

func (g *Group) apply(l Limits) error {
	quota, memory := "max", "max"
	if l.CPU > 0 {
		quota = strconv.FormatInt(max(1000, int64(l.CPU*cpuHeadroom*cpuPeriod)), 10) // 1 ms is the kernel's least
	}
	if l.Mem > 0 {
		memory = strconv.FormatInt(l.Mem*memHeadroom, 10)
	}
	return errors.Join(
		write(g.dir, "cpu.max", fmt.Sprintf("%s %d", quota, cpuPeriod)),
		write(g.dir, "memory.max", memory),
		write(g.dir, "memory.oom.group", "1"))
}

// Open returns the directory, for SysProcAttr.CgroupFD. The caller closes it.
func (g *Group) Open() (*os.File, error) { return os.Open(g.dir) }

// OOMKills returns how often the kernel killed a process of the group for
// its memory.
func (g *Group) OOMKills() int {
	raw, _ := os.ReadFile(filepath.Join(g.dir, "memory.events"))
	for line := range strings.Lines(string(raw)) {
		if count, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, _ := strconv.Atoi(strings.TrimSpace(count))
			return n
		}
	}
	return 0
}

// Remove deletes the group, which must hold no process any more.
func (g *Group) Remove() error {
	if err := os.Remove(g.dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func write(dir, file, text string) error {
	f, err := os.OpenFile(filepath.Join(dir, file), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func containsAll(list, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(w string) bool { return !slices.Contains(list, w) })
}
