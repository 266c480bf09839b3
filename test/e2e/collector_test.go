//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// needRoot skips the test for other users, with the reason.
func needRoot(t *testing.T, why string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: " + why)
	}
}

// collect makes the agent run the collector of network flows, restricted to
// the network namespace of the test.
func (a *agent) collect(t *testing.T) {
	t.Helper()
	a.write(t, "conf.d/host/ebpf.conf", fmt.Sprintf(`
[[inputs.ebpf]]
cmd = %q
enabled_plugins = ["ebpf-net"]
interval = "1s"
include_loopback = true
scope_netns = ["/proc/self/ns/net"]
pprof_port = ""
`, binary("externals/datakit-ebpf")))
}

// collector waits until a collector runs and returns its process id.
func (a *agent) collector(t *testing.T) (pid int) {
	t.Helper()
	eventually(t, time.Minute, func() (bool, string) {
		pids := children(a.cmd.Process.Pid, "datakit-ebpf")
		if len(pids) == 1 {
			pid = pids[0]
		}
		return len(pids) == 1, fmt.Sprintf("collectors %v", pids)
	})
	return pid
}

// killCollector kills the collector, if there is one at this moment: it may
// just be starting again.
func (a *agent) killCollector(t *testing.T) {
	t.Helper()
	for _, pid := range children(a.cmd.Process.Pid, "datakit-ebpf") {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Logf("kill the collector: %v", err)
		}
		eventually(t, 10*time.Second, func() (bool, string) {
			return !slices.Contains(children(a.cmd.Process.Pid, "datakit-ebpf"), pid), "the collector lives"
		})
	}
}

// children returns the children of a process that run a program.
func children(parent int, program string) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // ended meanwhile
		}
		// pid (comm) state ppid …; comm is cut at 15 characters
		head, tail, ok := strings.Cut(string(text), ") ")
		pid, comm, _ := strings.Cut(head, " (")
		fields := strings.Fields(tail)
		if !ok || len(fields) < 2 || fields[0] == "Z" || fields[1] != strconv.Itoa(parent) || comm != program[:min(len(program), 15)] {
			continue
		}
		n, err := strconv.Atoi(pid)
		if err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}
