package ebpfnet

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// need skips a test without the programs it compares with.
func need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("needs %s; on Debian: apt-get install nginx-light wrk curl nodejs python3 dnsmasq unbound dnsutils tshark tcpdump iperf3", p)
		}
	}
}

// run runs a program in the namespace and returns what it printed.
func (h *host) run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := h.try(t, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

// try does the same for programs that may fail.
func (h *host) try(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	h.in(t, cmd.Start)
	err := cmd.Wait()
	return out.String(), err
}

// daemon starts a program in the namespace until the test ends.
func (h *host) daemon(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	h.in(t, cmd.Start)
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		done := make(chan error, 1)
		go func() { done <- cmd.Wait() }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-done
		}
		if t.Failed() {
			t.Logf("%s: %s", name, out)
		}
	})
	return cmd
}

// listens waits until a port of the namespace takes TCP connections.
func (h *host) listens(t testing.TB, addr string) {
	t.Helper()
	eventually(t, addr+" listens", func() bool {
		var conn net.Conn
		var err error
		h.in(t, func() error { conn, err = net.DialTimeout("tcp", addr, time.Second); return nil })
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}

// capture records the packets of a link until stop is called, which returns
// the file.
func (h *host) capture(t testing.TB, link, filter string) (stop func() string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "packets.pcap")
	cmd := exec.Command("tcpdump", "-i", link, "-U", "--immediate-mode", "-B", "65536", "-s", "300", "--time-stamp-precision=nano", "-Z", "root", "-w", file, filter)
	var messages bytes.Buffer
	cmd.Stderr = &messages
	h.in(t, cmd.Start)
	eventually(t, "tcpdump captures", func() bool {
		info, err := os.Stat(file)
		return err == nil && info.Size() > 0
	})
	return func() string {
		t.Helper()
		time.Sleep(300 * time.Millisecond) // what is in its ring
		must(t, cmd.Process.Signal(syscall.SIGINT))
		_ = cmd.Wait()
		if !strings.Contains(messages.String(), "\n0 packets dropped by kernel") {
			t.Logf("tcpdump: %s", &messages)
		}
		return file
	}
}

// tshark returns fields of the packets of a file that match, one line each.
func tshark(t testing.TB, file, match string, fields ...string) [][]string {
	t.Helper()
	args := []string{"-r", file, "-Y", match, "-T", "fields"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.Command("tshark", args...).Output()
	must(t, err)
	var rows [][]string
	for line := range strings.Lines(string(out)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows
}

// feed runs a program with something on its standard input.
func (h *host) feed(t testing.TB, input, name string, args ...string) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stderr = &out
	h.in(t, cmd.Start)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, &out)
	}
}
