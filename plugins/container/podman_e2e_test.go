//go:build e2e

package container

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/plugins"
)

// TestPodman: Podman's own service answers the Docker API; metrics come from
// the cgroups of its containers, logs from the files it writes.
func TestPodman(t *testing.T) {
	if _, err := exec.LookPath("podman"); err != nil {
		t.Skip("needs podman: " + err.Error())
	}
	if unix.Geteuid() != 0 {
		t.Skip("needs root to run containers")
	}
	dir, err := os.MkdirTemp("", "dkp") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{t: t, dir: dir}
	image := d.buildImage()
	global := []string{"--root", dir + "/root", "--runroot", dir + "/run", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", "runc", "--events-backend", "file", "--tmpdir", dir + "/tmp"}
	podman := func(args ...string) string {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
		defer cancel()
		out, err := exec.CommandContext(ctx, "podman", append(global, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("podman %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	socket := filepath.Join(dir, "p.sock")
	service := exec.Command("podman", append(global, "system", "service", "--time", "0", "unix://"+socket)...)
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		podman("rm", "--all", "--force", "--time", "0")
		_ = service.Process.Signal(unix.SIGTERM)
		_ = service.Wait()
		_ = os.RemoveAll(dir)
	})
	podman("load", "-i", image)
	run := []string{"run", "-d", "--network", "none", "--ulimit", "nofile=256:256", "--ulimit", "nproc=256:256", "--log-driver", "k8s-file"}
	id := podman(append(run, "--name", "web", "--memory", "64m", "--label", "datakit/logs=[{\"source\":\"shop\"}]", testImage, "/box", "count", "3000", "10")...)
	id = id[strings.LastIndexByte(id, '\n')+1:]
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("unix", socket); err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("podman does not answer")
		}
	}

	p, err := build(&plugins.Container{
		Endpoints: []string{"unix://" + socket}, Interval: time.Minute, ObjectInterval: time.Minute, EnableContainerMetric: true,
		EnableContainerLog: true, LoggingSearchInterval: time.Second, LoggingFileFromBeginning: true, LoggingMaxEntry: 1 << 16, LoggingMaxOpenFiles: 10, StateDir: dir + "/state",
	}, plugins.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Load(); err != nil {
		t.Fatal(err)
	}
	s := newSink()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, s) }()
	logged := func() map[string]int {
		s.mu.Lock()
		defer s.mu.Unlock()
		lines := map[string]int{}
		for _, p := range s.all[plugins.Logging] {
			if v, ok := p.field("message"); ok && p.Measurement == "shop" {
				lines[v.AsString()]++
			}
		}
		return lines
	}
	for end := time.Now().Add(30 * time.Second); len(logged()) < 3000 && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	lines := logged()
	for i := range 3000 {
		if n := lines[fmt.Sprintf("line %d", i)]; n != 1 {
			t.Fatalf("line %d came %d times", i, n)
		}
	}
	m := s.get(t, plugins.Metric, id)
	if m.tag("container_name") != "web" || m.tag("container_runtime") != "podman" || m.tag("image_short_name") != "box" || m.number(t, "mem_limit") != 64<<20 || m.number(t, "mem_usage") <= 0 {
		t.Errorf("got %+v", m)
	}
	s.mu.Lock()
	delete(s.all, plugins.Logging) // their measurement is the source
	s.mu.Unlock()
	s.conforms(t)
}
