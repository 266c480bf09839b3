// Package readme runs the commands of README.md as a reader would, in order.
package readme

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

const (
	root = "../.."
	// inside is set in the process that has a network namespace of its own.
	inside = "README_TEST_INSIDE"
	// limit bounds one block, the build included.
	limit = 4 * time.Minute
	// firstFlow bounds the time from the start of the agent to the first
	// line about a connection.
	firstFlow = 15 * time.Second
)

func blocks(t *testing.T) []block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	all, err := parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 4 {
		t.Fatalf("README.md has %d blocks", len(all))
	}
	return all
}

func TestBlocksAreShell(t *testing.T) {
	for _, b := range blocks(t) {
		cmd := exec.Command("bash", "-n")
		cmd.Stdin = strings.NewReader(b.script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("README.md:%d: %v\n%s", b.line, err, out)
		}
	}
}

// TestReadme runs the blocks in a copy of the repository and in a network
// namespace of its own, so that ports are free and nothing of the machine is
// observed.
func TestReadme(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a network namespace of its own needs root")
	}
	if os.Getenv(inside) == "" {
		again(t)
		return
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		t.Fatal(err)
	}
	dir := checkout(t)
	traffic(t)
	for _, b := range blocks(t) {
		switch {
		case b.skip != "":
			t.Logf("README.md:%d not run: %s", b.line, b.skip)
		case b.missing() != "":
			t.Logf("README.md:%d not run: the program %s is missing", b.line, b.missing())
		case b.until != nil:
			background(t, dir, b)
		default:
			if out, err := command(t, dir, b).CombinedOutput(); err != nil {
				t.Fatalf("README.md:%d: %v\n%s\n%s", b.line, err, b.script, out)
			}
		}
	}
}

// again runs this test in a process with a new network namespace.
func again(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestReadme$", "-test.v", "-test.timeout=8m")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	t.Logf("in a namespace of its own:\n%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// checkout copies what git would commit, or all but what is built.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := `git -c safe.directory='*' ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -cf - -T - 2>/dev/null | tar -xf - -C "$0"`
	cmd := exec.Command("bash", "-c", script, dir)
	cmd.Dir = root
	_, noGit := exec.LookPath("git")
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil || noGit != nil {
		cmd = exec.Command("bash", "-c", `tar -cf - --exclude=./.vm --exclude=./bin --exclude=./.home . | tar -xf - -C "$0"`, dir)
		cmd.Dir = root
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copy the repository: %v\n%s", err, out)
	}
	if _, err := os.Stat(filepath.Join(dir, "Makefile")); err != nil {
		t.Fatal("the copy has no Makefile")
	}
	return dir
}

// command runs a block with the scope of the collector set to this namespace.
func command(t *testing.T, dir string, b block) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "bash", "-e", "-c", b.script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "ENV_INPUT_EBPF_SCOPE_NETNS=/proc/self/ns/net", "ENV_INPUT_EBPF_PPROF_PORT=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// background starts a block, waits for what it has to print, and stops it at
// the end of the test as Ctrl-C does.
func background(t *testing.T, dir string, b block) {
	t.Helper()
	cmd := command(t, dir, b)
	out := &output{changed: make(chan struct{}, 1)}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT)
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			t.Error("it does not stop on Ctrl-C")
			_ = cmd.Cancel()
			<-done
		}
		if t.Failed() {
			t.Logf("README.md:%d printed\n%s", b.line, out)
		}
	})

	started := time.Time{}
	deadline := time.After(limit)
	for {
		select {
		case err := <-done:
			done <- err
			t.Fatalf("README.md:%d ended: %v\n%s", b.line, err, out)
		case <-deadline:
			t.Fatalf("README.md:%d printed nothing like %s:\n%s", b.line, b.until, out)
		case <-out.changed:
		}
		text := out.String()
		if started.IsZero() && strings.Contains(text, "stop: Ctrl-C") {
			started = time.Now()
		}
		if b.until.MatchString(text) {
			if took := time.Since(started); took > firstFlow {
				t.Errorf("the first connection was shown after %v, want at most %v", took, firstFlow)
			} else {
				t.Logf("the first connection was shown after %v", took.Round(100*time.Millisecond))
			}
			return
		}
	}
}

// traffic makes connections in this namespace until the test ends.
func traffic(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })}
	stop := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	wait.Go(func() {
		client := &http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		for tick := time.Tick(200 * time.Millisecond); ; {
			select {
			case <-stop:
				return
			case <-tick:
			}
			if r, err := client.Get("http://" + listener.Addr().String()); err == nil {
				_ = r.Body.Close()
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		_ = server.Close()
		wait.Wait()
	})
}

// output collects what a process prints and tells when there is more.
type output struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
