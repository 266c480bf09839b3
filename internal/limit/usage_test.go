package limit

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/shirou/gopsutil/v4/process"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/hostfs"
)

func TestParseStat(t *testing.T) {
	for name, tc := range map[string]struct {
		stat string
		want time.Duration
		bad  bool
	}{
		"plain":             {"7 (sh) S 1 7 7 0 -1 4194560 100 0 0 0 100 50 30 20 20 0 1 0 5 1 2", 2 * time.Second, false},
		"name like a field": {"7 (a) b) S (c) R 1 7 7 0 -1 4194560 100 0 0 0 100 50 30 20 20 0 1 0 5", 2 * time.Second, false},
		"blank in the name": {"7 (tmux: server) S 1 7 7 0 -1 4194560 100 0 0 0 1 0 0 0 20 0 1 0 5", 10 * time.Millisecond, false},
		"short":             {"7 (sh) S 1", 0, true},
		"empty":             {"", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat([]byte(tc.stat))
			if (err != nil) != tc.bad || got != tc.want {
				t.Errorf("got %v, %v; want %v", got, err, tc.want)
			}
		})
	}
}

func TestParseNetDev(t *testing.T) {
	got := parseNetDev(`Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  999       9    0    0    0     0          0         0     999       9    0    0    0     0       0          0
  eth0: 1500      10    0    0    0     0          0         0     700       5    0    0    0     0       0          0
veth1:18446744073709551615 1 0 0 0 0 0 0 3 1 0 0 0 0 0 0
broken: 1 2
`)
	want := map[string]Traffic{"eth0": {1500, 700}, "veth1": {18446744073709551615, 3}}
	if len(got) != len(want) || got["eth0"] != want["eth0"] || got["veth1"] != want["veth1"] {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The oracle is the kernel's own accounting of this process, getrusage(2),
// and gopsutil.
func TestTreeOfThisProcess(t *testing.T) {
	usage, err := Tree(os.Getpid(), hostfs.Root{})()
	if err != nil {
		t.Fatal(err)
	}
	var self, children unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &self); err != nil {
		t.Fatal(err)
	}
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &children); err != nil {
		t.Fatal(err)
	}
	used := time.Duration(self.Utime.Nano() + self.Stime.Nano() + children.Utime.Nano() + children.Stime.Nano())
	if diff := used - usage.CPU; diff < -50*time.Millisecond || diff > 100*time.Millisecond {
		t.Errorf("CPU time is %v, getrusage says %v", usage.CPU, used)
	}
	p, err := process.NewProcess(int32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	info, err := p.MemoryInfo()
	if err != nil {
		t.Fatal(err)
	}
	if ratio := float64(usage.RSS) / float64(info.RSS); ratio < 0.8 || ratio > 1.25 {
		t.Errorf("resident memory is %d, gopsutil says %d", usage.RSS, info.RSS)
	}
	if _, ok := usage.NICs["lo"]; ok {
		t.Error("lo is among the interfaces")
	}
}

func TestTreeIncludesGrandchildren(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sh -c 'echo ready; read x'; true")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	if _, err := out.Read(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	r := reader{proc: "/proc"}
	var alone Usage
	if err := r.add(&alone, cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if tree, err := r.tree(cmd.Process.Pid); err != nil || tree.RSS <= alone.RSS {
		t.Errorf("the tree has %d bytes, its root alone %d (%v)", tree.RSS, alone.RSS, err)
	}
	if _, listed := r.listed(cmd.Process.Pid); listed {
		// The way of kernels without CONFIG_PROC_CHILDREN gives the same.
		if got, want := len(r.scan()[cmd.Process.Pid]), 1; got != want {
			t.Errorf("a scan finds %d children, want %d", got, want)
		}
	}
}

func TestTreeOfADeadProcess(t *testing.T) {
	if _, err := Tree(1<<22+1, hostfs.Root{})(); err == nil {
		t.Error("no error")
	}
}

// In a container the interfaces are those of the host that is observed.
func TestInterfacesOfTheObservedHost(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "1/net"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "1/net/dev"), []byte("bond0: 1 0 0 0 0 0 0 0 2 0\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	usage, err := Tree(os.Getpid(), hostfs.Root{ProcDir: dir})()
	if err != nil || usage.NICs["bond0"] != (Traffic{1, 2}) {
		t.Errorf("got %v, %v", usage.NICs, err)
	}
}
