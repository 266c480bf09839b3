package runtimes

import (
	"errors"
	"net"
	"path/filepath"
	"slices"
	"testing"

	"github.com/containerd/containerd/api/services/containers/v1"
	"github.com/containerd/containerd/api/types/task"
	"os"

	"datakit.dev/agent/internal/hostfs"
)

func TestImageParts(t *testing.T) {
	for image, want := range map[string][3]string{
		"nginx":                   {"nginx", "nginx", "latest"},
		"docker.io/library/a:1.2": {"docker.io/library/a", "a", "1.2"},
		"reg:5000/x/y":            {"reg:5000/x/y", "y", "latest"},
		"reg:5000/x/y:z@sha256:0": {"reg:5000/x/y", "y", "z"},
		"":                        {"", "", ""},
	} {
		name, short, tag := ImageParts(image)
		if got := [3]string{name, short, tag}; got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}

func TestContainerOfContainerd(t *testing.T) {
	c := &containerd{version: "1.7"}
	got := c.container(&containers.Container{ID: "x", Image: "i", Labels: map[string]string{
		"nerdctl/name": "web", labelPod: "p", labelNamespace: "n", labelUID: "u", labelName: "app"}},
		&task.Process{ID: "x", Pid: 5, Status: task.Status_RUNNING})
	if !got.Running || got.PID != 5 || got.State != "running" || got.Name != "app" || got.RuntimeName != "web" ||
		got.PodName != "p" || got.PodNamespace != "n" || got.PodUID != "u" || got.Type != "kubernetes" {
		t.Errorf("got %+v", got)
	}
	for status, want := range map[task.Status]string{task.Status_STOPPED: "exited", task.Status_PAUSED: "paused", task.Status_CREATED: "created"} {
		// One that is paused uses memory and may go on, as for Docker.
		if got := c.container(&containers.Container{ID: "x"}, &task.Process{Status: status}); got.Running != (want == "paused") || got.State != want {
			t.Errorf("%v: %+v", status, got)
		}
	}
	if got := c.container(&containers.Container{ID: "x"}, nil); got.Running || got.State != "created" || got.Type != "standalone" {
		t.Errorf("without a task: %+v", got)
	}
}

// A socket counts once, however many ways lead to it.
func TestSockets(t *testing.T) {
	dir, err := os.MkdirTemp("", "dk")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.MkdirAll(dir+"/root/run", 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", dir+"/root/run/a.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	b, err := net.Listen("unix", dir+"/root/run/b.sock")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	// The host's /var/run leads to the host's /run.
	if err := errors.Join(os.Symlink(dir+"/root/run", dir+"/link"), os.Mkdir(dir+"/root/var", 0o755), os.Symlink("/run", dir+"/root/var/run")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := sockets(hostfs.Root{RootDir: dir + "/root"}, []string{
		"unix:///run/a.sock", "unix://" + dir + "/link/a.sock", dir + "/root/run/a.sock", "unix://" + dir + "/file", "unix:///none.sock", "unix:///var/run/b.sock"})
	if want := []string{filepath.Join(dir, "root/run/a.sock"), filepath.Join(dir, "root/run/b.sock")}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
