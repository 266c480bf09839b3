package limit

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"datakit.dev/agent/internal/hostfs"
)

// userHZ is the unit of times in /proc/<pid>/stat, 1/100 s on every
// architecture we build for (include/uapi/asm-generic/param.h).
const userHZ = 100

// Tree returns a reader of the usage of a process and its descendants. The
// process is looked up in /proc, the network interfaces are those of the
// observed host.
func Tree(pid int, fs hostfs.Root) func() (Usage, error) {
	r := reader{proc: "/proc", net: netDev(fs)}
	return func() (Usage, error) { return r.tree(pid) }
}

// netDev is the file with the interfaces of the observed host. The host's
// /proc/net leads to whoever reads it, so in a container it is that of the
// host's first process.
func netDev(fs hostfs.Root) string {
	if fs.ProcDir == "" {
		return "/proc/self/net/dev"
	}
	return fs.Proc("1/net/dev")
}

type reader struct{ proc, net string }

func (r reader) tree(pid int) (u Usage, err error) {
	if err := r.add(&u, pid); err != nil {
		return Usage{}, err
	}
	// A descendant may end while we look at it: what it used is then with
	// its parent, whose times include those of its children.
	r.descend(pid, func(child int) { _ = r.add(&u, child) })
	if r.net != "" {
		raw, err := os.ReadFile(r.net)
		if err != nil {
			return Usage{}, fmt.Errorf("read network interfaces: %w", err)
		}
		u.NICs = parseNetDev(string(raw))
	}
	return u, nil
}

// descend visits all descendants. Kernels with CONFIG_PROC_CHILDREN list
// them; elsewhere the parents of all processes have to be read.
func (r reader) descend(pid int, visit func(pid int)) {
	list, ok := r.listed(pid)
	if !ok {
		visitTree(r.scan(), pid, visit)
		return
	}
	for _, child := range list {
		visit(child)
		r.descend(child, visit)
	}
}

func visitTree(children map[int][]int, pid int, visit func(pid int)) {
	for _, child := range children[pid] {
		visit(child)
		visitTree(children, child, visit)
	}
}

// listed returns the children of all threads of a process, ok being false
// when the kernel does not list them.
func (r reader) listed(pid int) (children []int, ok bool) {
	files, _ := filepath.Glob(filepath.Join(r.proc, strconv.Itoa(pid), "task", "*", "children"))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for word := range strings.FieldsSeq(string(raw)) {
			if child, err := strconv.Atoi(word); err == nil {
				children = append(children, child)
			}
		}
	}
	return children, len(files) > 0
}

// scan returns the children of every process.
func (r reader) scan() map[int][]int {
	children := map[int][]int{}
	files, _ := filepath.Glob(filepath.Join(r.proc, "[0-9]*", "stat"))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		fields := bytes.Fields(raw[bytes.LastIndexByte(raw, ')')+1:])
		if err != nil || len(fields) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(string(fields[1])); err == nil {
			children[parent] = append(children[parent], pid)
		}
	}
	return children
}

func (r reader) add(u *Usage, pid int) error {
	dir := filepath.Join(r.proc, strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return fmt.Errorf("read CPU time: %w", err)
	}
	cpu, err := parseStat(stat)
	if err != nil {
		return fmt.Errorf("parse %s/stat: %w", dir, err)
	}
	statm, err := os.ReadFile(filepath.Join(dir, "statm"))
	if err != nil {
		return fmt.Errorf("read memory: %w", err)
	}
	pages, err := parseStatm(statm)
	if err != nil {
		return fmt.Errorf("parse %s/statm: %w", dir, err)
	}
	u.CPU += cpu
	u.RSS += pages * int64(os.Getpagesize())
	return nil
}

// parseStat returns the CPU time of a process and of its children that were
// waited for: fields 14 to 17 of proc_pid_stat(5).
func parseStat(stat []byte) (time.Duration, error) {
	end := bytes.LastIndexByte(stat, ')') // the name may hold anything
	if end < 0 {
		return 0, errors.New("no process name")
	}
	fields := bytes.Fields(stat[end+1:])
	const utime, cstime = 14 - 3, 17 - 3
	if len(fields) <= cstime {
		return 0, fmt.Errorf("%d fields", len(fields))
	}
	var ticks int64
	for _, f := range fields[utime : cstime+1] {
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / userHZ), nil
}

// parseStatm returns the resident pages: field 2 of proc_pid_statm(5).
func parseStatm(statm []byte) (int64, error) {
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return 0, fmt.Errorf("%d fields", len(fields))
	}
	return strconv.ParseInt(string(fields[1]), 10, 64)
}

// parseNetDev reads proc_pid_net(5), /proc/<pid>/net/dev, without lo.
func parseNetDev(text string) map[string]Traffic {
	nics := map[string]Traffic{}
	for line := range strings.Lines(text) {
		name, counters, found := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		fields := strings.Fields(counters)
		if !found || name == "lo" || len(fields) < 9 {
			continue
		}
		rx, err1 := strconv.ParseUint(fields[0], 10, 64)
		tx, err2 := strconv.ParseUint(fields[8], 10, 64)
		if err1 == nil && err2 == nil {
			nics[name] = Traffic{RX: rx, TX: tx}
		}
	}
	return nics
}
