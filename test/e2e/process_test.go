//go:build e2e

package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// process is a program under the test. It ends with the test, also when the
// test is killed.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// launch starts a program; its output goes to a file that is shown when the
// test fails.
func launch(t *testing.T, path string, args ...string) *process {
	t.Helper()
	return launchIn(t, 0, path, args...)
}

// launchIn is launch with new namespaces, flags of clone(2).
func launchIn(t *testing.T, namespaces uintptr, path string, args ...string) *process {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), filepath.Base(path)+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(path, args...), log: log.Name(), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Cloneflags: namespaces}
	started := make(chan error)
	go func() {
		defer close(p.done)
		defer log.Close()
		runtime.LockOSThread() // the death signal comes when this thread ends
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s %v\n%s", path, args, p.tail())
		}
	})
	return p
}

// kill ends the process at once.
func (p *process) kill() { p.signal(syscall.SIGKILL) }

// stop asks the process to end.
func (p *process) stop() { p.signal(syscall.SIGTERM) }

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	_ = p.cmd.Process.Signal(s) // it may have ended
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.t.Errorf("%s does not end on %v", p.cmd.Path, s)
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// ended reports whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// tail returns the end of the output.
func (p *process) tail() []byte {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return []byte(err.Error())
	}
	const most = 6000
	if len(text) > most {
		text = append([]byte("…\n"), text[len(text)-most:]...)
	}
	return bytes.TrimSpace(text)
}

// answers waits until a GET of url is answered with a status below 500.
func (p *process) answers(url string) {
	p.t.Helper()
	eventually(p.t, 30*time.Second, func() (bool, string) {
		if p.ended() {
			p.t.Fatalf("%s ended:\n%s", p.cmd.Path, p.tail())
		}
		resp, err := http.Get(url)
		if err != nil {
			return false, err.Error()
		}
		_ = resp.Body.Close()
		return resp.StatusCode < 500, resp.Status
	})
}

// eventually waits until check holds, and fails with what it last said.
func eventually(t *testing.T, within time.Duration, check func() (ok bool, state string)) {
	t.Helper()
	deadline := time.Now().Add(within)
	for {
		ok, state := check()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, state)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// program returns the path of an installed program, or fails naming the
// package it comes from.
func program(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: apt-get install %s", name, pkg)
	}
	return path
}
