package containers

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"datakit.dev/agent/internal/hostfs"
)

func TestMountDetached(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: mounts a file system")
	}
	root, err := MountDetached()
	if errors.Is(err, errCgroupNamespace) {
		t.Skip("needs the first cgroup namespace")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	path := DetachedPath(root)
	if _, err := os.Stat(filepath.Join(path, "cgroup.procs")); err != nil {
		t.Error(err)
	}
	got, err := CgroupID(path)
	if err != nil {
		t.Fatal(err)
	}
	mount, err := Mount(hostfs.Root{})
	if err != nil {
		t.Skip("needs a mounted cgroup v2 to compare with")
	}
	if want := id(t, mount); got != want {
		t.Errorf("the root is cgroup %d, where it is mounted %d", got, want)
	}
}

// TestMountOfContainer: a mount that begins at the cgroup of a container is
// not the host's.
func TestMountOfContainer(t *testing.T) {
	root := tree(t, "fs/cgroup")
	if _, err := Mount(root); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(root.Sys("fs/cgroup/cgroup.events"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if mount, err := Mount(root); !errors.Is(err, ErrNoCgroup2) {
		t.Errorf("found %q, %v", mount, err)
	}
}
