package bpf

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/hostfs"
)

func TestNetnsMounts(t *testing.T) {
	const mountinfo = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
302 25 0:4 net:[4026532177] /run/netns/blue rw shared:9 - nsfs nsfs rw
303 25 0:4 net:[4026532200] /run/netns/with\040blank rw shared:9 - nsfs nsfs rw
304 25 0:4 mnt:[4026532201] /run/mnt rw shared:9 - nsfs nsfs rw
305 25 0:4 net:[x] /run/netns/odd rw - nsfs nsfs rw
short
`
	want := []Netns{{4026532177, "/run/netns/blue"}, {4026532200, "/run/netns/with blank"}}
	if got := netnsMounts([]byte(mountinfo)); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNamespacesHaveOurs(t *testing.T) {
	all, err := Namespaces(hostfs.Root{})
	if err != nil {
		t.Fatal(err)
	}
	own := inodeOf(t, "/proc/self/ns/net")
	if !slices.ContainsFunc(all, func(n Netns) bool { return n.Inode == own }) {
		t.Errorf("%v does not have %d", all, own)
	}
}

// A namespace is entered for the call only, and the thread comes back.
func TestInANamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: makes a network namespace")
	}
	before := inodeOf(t, "/proc/self/ns/net")
	ready, release, ended := make(chan Netns), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // never unlocked: the thread ends with its namespace
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			t.Error(err)
			close(ready)
			return
		}
		path := fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid())
		ready <- Netns{inodeOf(t, path), path}
		<-release
	}()
	defer func() { close(release); <-ended }()
	n, ok := <-ready
	if !ok {
		return
	}
	failure := errors.New("from inside")
	var inside uint64
	err := n.In(func() error {
		inside = inodeOf(t, "/proc/thread-self/ns/net")
		return failure
	})
	if inside != n.Inode || !errors.Is(err, failure) {
		t.Errorf("was in namespace %d, want %d; error %v", inside, n.Inode, err)
	}
	if after := inodeOf(t, "/proc/thread-self/ns/net"); after != before {
		t.Errorf("the thread stayed in namespace %d", after)
	}
	if err := (Netns{Path: "/nowhere"}).In(func() error { return nil }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a namespace that is gone: %v", err)
	}
}

// A namespace that no process lives in is entered where it is mounted.
func TestMountedNamespace(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: mounts a network namespace")
	}
	path := filepath.Join(t.TempDir(), "net")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	mounted := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends, the mount keeps the namespace
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			err = unix.Mount("/proc/thread-self/ns/net", path, "", unix.MS_BIND, "")
		}
		mounted <- err
	}()
	if err := <-mounted; err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(path, unix.MNT_DETACH)
	inode := inodeOf(t, path)
	all, err := Namespaces(hostfs.Root{})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(n Netns) bool { return n.Inode == inode })
	if i < 0 {
		t.Fatalf("%v does not have %d", all, inode)
	}
	if err := all[i].In(func() error {
		if inside := inodeOf(t, "/proc/thread-self/ns/net"); inside != inode {
			t.Errorf("was in namespace %d, want %d", inside, inode)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// The own namespace is entered without CAP_SYS_ADMIN, others are not.
func TestOwnNamespaceNeedsNothing(t *testing.T) {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var before, after [2]unix.CapUserData
	if err := unix.Capget(&header, &before[0]); err != nil {
		t.Fatal(err)
	}
	set := func(data *[2]unix.CapUserData) error {
		_, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&data[0])), 0)
		if errno != 0 {
			return errno
		}
		return nil
	}
	after = before
	after[0].Effective &^= 1 << unix.CAP_SYS_ADMIN
	if err := set(&after); errors.Is(err, unix.ENOTSUP) {
		t.Skip("needs a build without cgo to change all threads")
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := set(&before); err != nil {
			t.Error(err)
		}
	})
	called := false
	if err := (Netns{Path: "/proc/thread-self/ns/net"}).In(func() error { called = true; return nil }); err != nil || !called {
		t.Errorf("called: %t, %v", called, err)
	}
}
