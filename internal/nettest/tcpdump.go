package nettest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Tcpdump captures the packets of the host's interface to a file, with
// nanoseconds, until stop is called, which waits until no more of them come.
// stop returns an error when the kernel dropped some. args are options of
// tcpdump and its filter.
func (h *Host) Tcpdump(t testing.TB, args ...string) (file string, stop func() error) {
	t.Helper()
	Need(t, "tcpdump")
	file = filepath.Join(t.TempDir(), "tcpdump.pcap")
	cmd := exec.Command("tcpdump", append([]string{
		"-i", h.Name, "-U", "--immediate-mode", "-B", "65536", "-Z", "root", "--nano", "-w", file}, args...)...)
	said, err := cmd.StderrPipe()
	must(t, err)
	h.In(t, cmd.Start)
	ended := false
	t.Cleanup(func() { // of a test that ends before
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	lines := bufio.NewReader(said)
	for line := ""; !strings.Contains(line, "listening"); {
		line, err = lines.ReadString('\n')
		must(t, err)
	}
	return file, func() error {
		for size, still := int64(-1), 0; still < 5; time.Sleep(100 * time.Millisecond) {
			info, err := os.Stat(file)
			must(t, err)
			if still++; info.Size() != size {
				size, still = info.Size(), 0
			}
		}
		ended = true
		must(t, cmd.Process.Signal(syscall.SIGINT))
		summary, err := io.ReadAll(lines)
		must(t, err)
		must(t, cmd.Wait())
		if !strings.Contains(string(summary), "\n0 packets dropped by kernel") {
			return fmt.Errorf("tcpdump says %s", summary)
		}
		return nil
	}
}
