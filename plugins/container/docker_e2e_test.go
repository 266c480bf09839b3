//go:build e2e

package container

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/plugins"
)

// docker is a Docker Engine with folders and a network namespace of its own.
type docker struct {
	t      *testing.T
	dir    string
	socket string
	engine *exec.Cmd
}

func startDocker(t *testing.T) *docker {
	t.Helper()
	for _, program := range []string{"dockerd", "docker", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("needs docker.io: " + err.Error())
		}
	}
	if unix.Geteuid() != 0 {
		t.Skip("needs root to run containers")
	}
	dir, err := os.MkdirTemp("", "dkd") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	d := &docker{t: t, dir: dir, socket: dir + "/d.sock"}
	log, err := os.Create(dir + "/log")
	if err != nil {
		t.Fatal(err)
	}
	d.engine = exec.Command("unshare", "--net", "dockerd", "--host", "unix://"+d.socket, "--data-root", dir+"/root", "--exec-root", dir+"/exec",
		"--pidfile", dir+"/pid", "--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--storage-driver", "vfs",
		"--cgroup-parent", "/"+filepath.Base(dir), "--log-level", "warn")
	d.engine.Stdout, d.engine.Stderr = log, log
	if err := d.engine.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- d.engine.Wait() }()
	t.Cleanup(func() {
		if ids, err := d.try("ps", "--all", "--quiet"); err == nil && ids != "" {
			_, _ = d.try(append([]string{"rm", "--force"}, strings.Fields(ids)...)...)
		}
		_ = d.engine.Process.Signal(unix.SIGTERM)
		<-ended
		_ = log.Close()
		removeCgroups(filepath.Base(dir))
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	for end := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if conn, err := net.Dial("unix", d.socket); err == nil {
			_ = conn.Close()
			return d
		}
		text, _ := os.ReadFile(dir + "/log")
		if strings.Contains(string(text), "cgroup isn't mounted") {
			t.Skip("needs cgroups that Docker can use: it says that one is not mounted")
		}
		if time.Now().After(end) || strings.Contains(string(text), "failed to start daemon") {
			t.Fatalf("dockerd does not answer: %s", text[max(0, len(text)-2000):])
		}
	}
}

func (d *docker) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "docker", append([]string{"--host", "unix://" + d.socket}, args...)...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (d *docker) run(args ...string) string {
	d.t.Helper()
	out, err := d.try(args...)
	if err != nil {
		d.t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// TestDocker: containers that run, end, pause and restart, and logs that
// Docker rotates several times while they are read.
func TestDocker(t *testing.T) {
	d := startDocker(t)
	d.run("load", "--input", (&daemon{t: t, dir: d.dir}).buildImage())
	run := func(name string, args ...string) string {
		return d.run(append([]string{"run", "--detach", "--network", "none", "--name", name}, args...)...)
	}
	const lines = 3000
	web := run("web", "--memory", "64m", "--cpus", "0.5", "--label", `datakit/logs=[{"source":"shop"}]`, "--log-opt", "max-size=20k", "--log-opt", "max-file=99",
		testImage, "/box", "count", strconv.Itoa(lines), "300")
	run("crasher", testImage, "/box", "crash", "0")
	idle := run("idle", testImage, "/box", "sleep")
	paused := run("paused", testImage, "/box", "sleep")
	d.run("pause", "paused")

	p, s := start(t, plugins.Container{
		Endpoints: []string{"unix://" + d.socket}, Interval: time.Minute, ObjectInterval: time.Minute, EnableContainerMetric: true,
		EnableContainerLog: true, LoggingSearchInterval: time.Second, LoggingFileFromBeginning: true, LoggingMaxEntry: 1 << 16, LoggingMaxOpenFiles: 10, StateDir: d.dir + "/state",
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, s) }()
	logged := func(source string) map[string]int {
		s.mu.Lock()
		defer s.mu.Unlock()
		lines := map[string]int{}
		for _, p := range s.all[plugins.Logging] {
			if v, ok := p.field("message"); ok && p.Measurement == source {
				lines[v.AsString()]++
			}
		}
		return lines
	}
	for end := time.Now().Add(60 * time.Second); (len(logged("shop")) < lines || len(logged("crasher")) == 0) && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
	}
	if rotated, _ := filepath.Glob(filepath.Join(d.dir, "root/containers", web, "*-json.log.*")); len(rotated) < 5 {
		t.Errorf("the log was rotated %d times, want some", len(rotated))
	}
	got := logged("shop")
	for i := range lines {
		if n := got[fmt.Sprintf("line %d", i)]; n != 1 {
			t.Fatalf("line %d came %d times", i, n)
		}
	}
	if logged("crasher")["last words"] != 1 {
		t.Errorf("of the container that crashed: %v", logged("crasher"))
	}
	m := s.get(t, plugins.Metric, web)
	if m.tag("container_name") != "web" || m.tag("container_runtime") != "docker" || m.tag("image_short_name") != "box" ||
		m.number(t, "mem_limit") != 64<<20 || m.number(t, "mem_usage") <= 0 || m.number(t, "cpu_limit_millicores") != 500 {
		t.Errorf("got %+v", m)
	}
	if state := s.get(t, plugins.Metric, paused).tag("state"); state != "paused" {
		t.Errorf("one is %q, want paused", state)
	}

	// It is "running" before and after; only an event tells the new pid.
	d.run("restart", "--time", "0", "idle")
	want := d.run("inspect", "--format", "{{.State.Pid}}", "idle")
	pid := 0
	for end := time.Now().Add(20 * time.Second); strconv.Itoa(pid) != want && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		all, _, err := p.set.List(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range all {
			if c.ID == idle {
				pid = c.PID
			}
		}
	}
	if strconv.Itoa(pid) != want {
		t.Errorf("pid %d after a restart, Docker says %s", pid, want)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	s.mu.Lock()
	delete(s.all, plugins.Logging) // their measurement is the source
	s.mu.Unlock()
	s.conforms(t)
}
