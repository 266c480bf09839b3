//go:build prove

package netlog

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestPeers runs the same capture file through this program and others, in
// turn, and tells the CPU time of each per million packets. What they do is
// not the same: softflowd and argus have no state of TCP's sequence numbers,
// tshark dissects everything.
func TestPeers(t *testing.T) {
	const packets = 1_000_000
	dir := t.TempDir()
	ng, classic, program := filepath.Join(dir, "web.pcapng"), filepath.Join(dir, "web.pcap"), filepath.Join(dir, "datakit-ebpf")
	must(t, os.WriteFile(ng, webTraffic(t, packets), 0o644))
	run(t, "go", "build", "-o", program, "datakit.dev/agent/externals/datakit-ebpf")
	run(t, "editcap", "-F", "pcap", ng, classic)
	peers := []struct {
		name string
		args []string
	}{
		{"datakit-ebpf, connection table with full TCP state", []string{program, "netlog", "--read", classic, "--netlog-metric=false", "--netlog-log=false"}},
		{"datakit-ebpf, flows with HTTP", []string{program, "netlog", "--read", classic, "--netlog-log=false"}},
		{"datakit-ebpf, flows and logs", []string{program, "netlog", "--read", classic}},
		{"softflowd", []string{"softflowd", "-r", classic, "-d", "-m", "200000", "-n", "127.0.0.1:9", "-p", filepath.Join(dir, "pid"), "-c", "none"}},
		{"argus", []string{"argus", "-r", classic, "-w", "/dev/null"}},
		{"tshark, conversations", []string{"tshark", "-n", "-r", classic, "-q", "-z", "conv,tcp"}},
	}
	best := make([]time.Duration, len(peers))
	for range 3 {
		for i, p := range peers {
			if _, err := exec.LookPath(p.args[0]); err != nil {
				continue
			}
			used := run(t, p.args[0], p.args[1:]...)
			if best[i] == 0 || used < best[i] {
				best[i] = used
			}
		}
	}
	for i, p := range peers {
		if best[i] == 0 {
			t.Logf("%-52s is not installed", p.name)
			continue
		}
		t.Logf("%-52s %6.3f CPU-s per million packets", p.name, best[i].Seconds()*1e6/packets)
	}
}

// run runs a command to its end and returns the CPU time it took.
func run(t *testing.T, name string, args ...string) time.Duration {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%.2000s", name, err, out)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}
