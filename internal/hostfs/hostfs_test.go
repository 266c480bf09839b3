package hostfs

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRoot(t *testing.T) {
	container := FromEnv(func(name string) string {
		return map[string]string{"HOST_PROC": "/rootfs/proc", "HOST_SYS": "/host/sys", "HOST_ROOT": "/rootfs"}[name]
	})
	tests := map[string]struct{ got, want string }{
		"host proc":      {Root{}.Proc("1", "ns", "net"), "/proc/1/ns/net"},
		"host sys":       {Root{}.Sys("fs", "cgroup"), "/sys/fs/cgroup"},
		"host root":      {Root{}.Path("run", "netns"), "/run/netns"},
		"container proc": {container.Proc("1", "stat"), "/rootfs/proc/1/stat"},
		"container sys":  {container.Sys("kernel", "btf"), "/host/sys/kernel/btf"},
		"container root": {container.Path("etc", "hostname"), "/rootfs/etc/hostname"},
		"no elements":    {container.Path(), "/rootfs"},
	}
	for name, test := range tests {
		if test.got != test.want {
			t.Errorf("%s: got %s, want %s", name, test.got, test.want)
		}
	}
}

// Links are followed as the host would.
func TestResolve(t *testing.T) {
	dir := t.TempDir()
	for _, err := range []error{
		os.MkdirAll(dir+"/run/containerd", 0o755), os.MkdirAll(dir+"/var/lib", 0o755), os.MkdirAll(dir+"/data", 0o755),
		os.WriteFile(dir+"/run/containerd/c.sock", []byte("socket"), 0o644), os.WriteFile(dir+"/data/log", []byte("log"), 0o644),
		os.Symlink("/run", dir+"/var/run"), os.Symlink("/data", dir+"/var/lib/docker"), os.Symlink("../../data/log", dir+"/var/lib/0.log"),
		os.Symlink("/../../data", dir+"/out"), os.Symlink("self", dir+"/self"), os.Symlink("../out/log", dir+"/run/chain"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	root := Root{RootDir: dir}
	for name, want := range map[string]string{
		"/var/run/containerd/c.sock":    "/run/containerd/c.sock",
		"var/run/containerd/../../data": "/data",
		"/var/lib/docker/log":           "/data/log",
		"/var/lib/0.log":                "/data/log",
		"/out/./log":                    "/data/log",
		"/run/chain":                    "/data/log",
		"/var/run/absent/x":             "/run/absent/x",
		"/":                             "",
	} {
		if got := root.Resolve(name); got != dir+want {
			t.Errorf("%s: %s, want %s", name, got, dir+want)
		}
		if kernel, err := kernelResolve(dir, name); err == nil && kernel != dir+want {
			t.Errorf("%s: the kernel says %s, want %s", name, kernel, dir+want)
		} else if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOSYS) { // from Linux 5.6
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := root.Resolve("/self"); !strings.HasPrefix(got, dir) {
		t.Errorf("a link to itself leads to %s", got)
	}
	if got := (Root{}).Resolve("/var/run/x"); got != "/var/run/x" {
		t.Errorf("on the machine itself %s", got)
	}
}

// kernelResolve follows a path as the kernel does for a process whose root is
// dir, see openat2(2).
func kernelResolve(dir, name string) (string, error) {
	at, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = unix.Close(at) }()
	fd, err := unix.Openat2(at, name, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT})
	if err != nil {
		return "", err
	}
	defer func() { _ = unix.Close(fd) }()
	return os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
}
