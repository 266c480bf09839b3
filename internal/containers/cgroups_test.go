package containers

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/hostfs"
)

// tree is a cgroup file system of fixtures.
func tree(t *testing.T, mount string, groups ...string) hostfs.Root {
	t.Helper()
	sys := t.TempDir()
	for _, g := range append(groups, "") {
		if err := os.MkdirAll(filepath.Join(sys, mount, g), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(sys, mount, "cgroup.procs"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return hostfs.Root{SysDir: sys}
}

func id(t *testing.T, elem ...string) uint64 {
	t.Helper()
	id, err := CgroupID(filepath.Join(elem...))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestCgroups(t *testing.T) {
	for _, mount := range []string{"fs/cgroup", "fs/cgroup/unified"} {
		t.Run(mount, func(t *testing.T) {
			root := tree(t, mount, "system.slice/docker-"+idA+".scope", "init.scope")
			at := time.Unix(1700000000, 0)
			c := NewCgroups(root, func() time.Time { return at })

			dir := root.Sys(mount, "system.slice/docker-"+idA+".scope")
			if got := c.Container(id(t, dir)); got != idA {
				t.Errorf("container %q, want %q", got, idA)
			}
			if got, _ := c.Path(id(t, root.Sys(mount))); got != "/" {
				t.Errorf("the root is %q", got)
			}
			if got := c.Container(id(t, root.Sys(mount, "init.scope"))); got != "" {
				t.Errorf("a host service is in container %q", got)
			}
			if _, ok := c.Path(0); ok {
				t.Error("cgroup 0 is known")
			}

			// A new cgroup is found, but not by walking at every miss.
			later := root.Sys(mount, "docker-"+idB+".scope")
			if err := os.Mkdir(later, 0o755); err != nil {
				t.Fatal(err)
			}
			for range 100 {
				if got := c.Container(id(t, later)); got != "" {
					t.Fatalf("found %q without walking", got)
				}
			}
			at = at.Add(rescan)
			if got := c.Container(id(t, later)); got != idB {
				t.Errorf("container %q, want %q", got, idB)
			}
			if s := c.Stats(); s.Walks != 2 || s.Unknown != 100 {
				t.Errorf("stats %+v, want 2 walks and 100 unknown", s)
			}

			// A container that ended keeps its name.
			gone := id(t, later)
			if err := os.Remove(later); err != nil {
				t.Fatal(err)
			}
			at = at.Add(time.Hour)
			if got := c.Container(gone); got != idB {
				t.Errorf("container %q after its end, want %q", got, idB)
			}
		})
	}
}

func TestNoCgroup2(t *testing.T) {
	root := hostfs.Root{SysDir: t.TempDir()}
	if _, err := Mount(root); !errors.Is(err, ErrNoCgroup2) {
		t.Errorf("error %v, want %v", err, ErrNoCgroup2)
	}
	if _, ok := NewCgroups(root, time.Now).Path(1); ok {
		t.Error("a cgroup was found in nothing")
	}
}

// TestKernelsOwnID compares with the file handle, which on a cgroup v2 file
// system is the id that the kernel hands to its programs.
func TestKernelsOwnID(t *testing.T) {
	mount, err := Mount(hostfs.Root{})
	if err != nil {
		t.Skip("cgroup v2 is not mounted")
	}
	var st unix.Statfs_t
	if err := unix.Statfs(mount, &st); err != nil || st.Type != unix.CGROUP2_SUPER_MAGIC {
		t.Skip("cgroup v2 is not mounted at", mount)
	}
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, mount, 0)
	if err != nil {
		t.Fatal(err)
	}
	if want := binary.NativeEndian.Uint64(handle.Bytes()); id(t, mount) != want {
		t.Errorf("id %d, the kernel says %d", id(t, mount), want)
	}
	if got, ok := NewCgroups(hostfs.Root{}, time.Now).Path(id(t, mount)); got != "/" || !ok {
		t.Errorf("path %q (%v), want /", got, ok)
	}
}

func BenchmarkID(b *testing.B) {
	path := "/kubepods.slice/kubepods-burstable.slice/cri-containerd-" + idA + ".scope"
	b.ReportAllocs()
	for b.Loop() {
		if ID(path) != idA {
			b.Fatal("wrong id")
		}
	}
}
