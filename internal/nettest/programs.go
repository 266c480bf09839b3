package nettest

import (
	"bytes"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Need skips a test of which a program is missing on this machine.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("needs %s; .ci/run lists the packages of Debian", p)
		}
	}
}

// Run runs a program inside the namespace to its end and returns what it
// printed.
func (h *Host) Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	return h.Finish(t, exec.Command(name, args...))
}

// Try is Run for a program that may fail.
func (h *Host) Try(t testing.TB, name string, args ...string) (string, error) {
	t.Helper()
	return h.finish(t, exec.Command(name, args...))
}

// Finish is Run for a command, which may have an input and knows its pid
// afterwards.
func (h *Host) Finish(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := h.finish(t, cmd)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return out
}

func (h *Host) finish(t testing.TB, cmd *exec.Cmd) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	h.In(t, cmd.Start)
	err := cmd.Wait()
	return out.String(), err
}

// Daemon runs a program inside the namespace until the test ends, and shows
// what it printed when that failed.
func (h *Host) Daemon(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	out := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	h.In(t, cmd.Start)
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		late := time.AfterFunc(5*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait()
		late.Stop()
		if t.Failed() {
			t.Logf("%s: %s", name, out)
		}
	})
	return cmd
}

// Listens waits until an address of the namespace takes TCP connections.
func (h *Host) Listens(t testing.TB, addr string) {
	t.Helper()
	Eventually(t, addr+" listens", func() (ok bool) {
		h.In(t, func() error {
			conn, err := net.DialTimeout("tcp", addr, time.Second)
			if ok = err == nil; ok {
				return conn.Close()
			}
			return nil
		})
		return ok
	})
}

// Eventually waits for what another process or the kernel does on its own,
// for at most half a minute.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
