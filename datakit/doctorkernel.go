package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/httpapi"
)

// The oldest kernel for the eBPF plugins.
const minMajor, minMinor = 5, 10

// uname returns the kernel's release and machine.
func uname() (release, machine string, err error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", "", fmt.Errorf("ask for the kernel's version: %w", err)
	}
	return unix.ByteSliceToString(u.Release[:]), unix.ByteSliceToString(u.Machine[:]), nil
}

// kernel tells whether the machine can carry the eBPF plugins. Without them
// nothing here is a problem.
func (d *doctor) kernel(wanted bool) section {
	s := section{Title: "Kernel"}
	bad := s.warn
	if wanted {
		bad = s.problem
	}
	release, machine, err := d.uname()
	switch {
	case err != nil:
		s.problem("%v", err)
	case tooOld(release):
		bad("%s (%s) is older than %d.%d: no eBPF, flows come from packets (bpf-netlog)", release, machine, minMajor, minMinor)
	default:
		s.ok("%s (%s)", release, machine)
	}
	if info, err := os.Stat(d.host.Sys("kernel", "btf", "vmlinux")); err == nil {
		s.ok("BTF, %s", bytesText(info.Size()))
	} else {
		bad("no BTF (/sys/kernel/btf/vmlinux): the kernel was built without CONFIG_DEBUG_INFO_BTF, eBPF plugins cannot load")
	}
	if mounted(d.host, "cgroup2") {
		s.ok("cgroup v2 is mounted")
	} else {
		s.warn("cgroup v2 is not mounted: no hard limits for collectors; ebpf-net mounts one for itself where it may")
	}
	if text, err := os.ReadFile(d.host.Sys("kernel", "security", "lockdown")); err == nil && strings.Contains(string(text), "[confidentiality]") {
		bad("kernel lockdown is in confidentiality mode: eBPF programs may not read kernel memory")
	}
	return s
}

// tooOld compares a release such as "5.10.0-28-amd64". One that cannot be
// read is not called old.
func tooOld(release string) bool {
	var major, minor int
	if n, err := fmt.Sscanf(release, "%d.%d", &major, &minor); n < 2 || err != nil {
		return false
	}
	return major < minMajor || major == minMajor && minor < minMinor
}

// mounted reports whether a file system of the type is mounted.
func mounted(host hostfs.Root, fsType string) bool {
	f, err := os.Open(host.Proc("self", "mounts"))
	if err != nil {
		return false
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 2 && fields[2] == fsType {
			return true
		}
	}
	return false
}

// capability is one that a collector needs.
type capability struct {
	bit     uint
	name    string
	plugins []string // that need it
	soft    bool     // they run without it, and see less
	feature string   // what does not work without it
}

// needed are the capabilities of capabilities(7) that datakit-ebpf uses.
func needed() []capability {
	programs := []string{"ebpf-net", "ebpf-bash", "ebpf-trace"}
	return []capability{
		{unix.CAP_BPF, "CAP_BPF", programs, false, "loading eBPF programs"},
		{unix.CAP_PERFMON, "CAP_PERFMON", programs, false, "tracepoints and reading kernel memory"},
		{unix.CAP_NET_ADMIN, "CAP_NET_ADMIN", []string{"ebpf-net", "ebpf-conntrack"}, false, "hooks on sockets and cgroups, conntrack"},
		{unix.CAP_NET_RAW, "CAP_NET_RAW", []string{"bpf-netlog"}, false, "packet sockets"},
		{unix.CAP_SYS_PTRACE, "CAP_SYS_PTRACE", programs, true, "processes of other users: the owners of connections found at start"},
		{unix.CAP_SYS_ADMIN, "CAP_SYS_ADMIN", []string{"ebpf-net", "bpf-netlog"}, true, "entering other network namespaces: their listening ports and interfaces"},
	}
}

// severity is how bad it is to lack c with these plugins enabled.
func (c capability) severity(enabled []string) level {
	used := slices.ContainsFunc(c.plugins, func(p string) bool { return slices.Contains(enabled, p) })
	switch {
	case !used:
		return levelNote
	case c.soft:
		return levelWarning
	default:
		return levelProblem
	}
}

// capabilities looks at the process that needs them: the running collector,
// else this one, which stands for an agent started by the same user. name is
// that of the collector, enabled are its configured plugins.
func (d *doctor) capabilities(state httpapi.State, name string, enabled []string) section {
	s := section{Title: "Capabilities"}
	pid, who := d.pid, "this user"
	for _, c := range state.Children {
		if c.Name == name && c.PID != 0 {
			pid, who = c.PID, fmt.Sprintf("datakit-ebpf (pid %d)", c.PID)
		}
	}
	have, err := effective(d.host, pid)
	if err != nil {
		s.warn("cannot read the capabilities of %s: %v", who, err)
		return s
	}
	missing := 0
	for _, c := range needed() {
		if !have.has(c.bit) {
			missing++
			s.add(c.severity(enabled), "%s lacks %s: %s (%s)", who, c.name, c.feature, strings.Join(c.plugins, ", "))
		}
	}
	if missing == 0 {
		s.ok("%s has all that the collectors need", who)
	}
	return s
}

// capSet is a set of capabilities, by bit.
type capSet uint64

// has reports whether c is there. CAP_SYS_ADMIN stands in for the two that
// were split off it in Linux 5.8.
func (s capSet) has(bit uint) bool {
	if (bit == unix.CAP_BPF || bit == unix.CAP_PERFMON) && s&(1<<unix.CAP_SYS_ADMIN) != 0 {
		return true
	}
	return s&(1<<bit) != 0
}

// effective reads CapEff of proc_pid_status(5).
func effective(host hostfs.Root, pid int) (capSet, error) {
	text, err := os.ReadFile(host.Proc(strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if hex, ok := strings.CutPrefix(line, "CapEff:"); ok {
			set, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
			return capSet(set), err
		}
	}
	return 0, fmt.Errorf("no CapEff in the status of process %d", pid)
}
