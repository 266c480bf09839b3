package bpf

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/hostfs"
)

// Netns is a network namespace and a path through which it can be entered.
type Netns struct {
	Inode uint64
	Path  string
}

// OwnNetns returns the network namespace of this process: its inode number,
// and the device id of nsfs, which all namespaces have in common.
func OwnNetns() (dev, inode uint64, err error) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/ns/net", &st); err != nil {
		return 0, 0, fmt.Errorf("find own network namespace: %w", err)
	}
	return st.Dev, st.Ino, nil
}

// Namespaces lists the network namespaces of the host that a process lives
// in or that are mounted somewhere (ip-netns(8)). One that only an open
// descriptor or a socket keeps alive has no path and is not listed.
func Namespaces(root hostfs.Root) ([]Netns, error) {
	seen := map[uint64]bool{}
	var all []Netns
	add := func(inode uint64, path string) {
		if inode != 0 && !seen[inode] {
			seen[inode] = true
			all = append(all, Netns{inode, path})
		}
	}
	dirs, err := filepath.Glob(root.Proc("[0-9]*"))
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, "ns/net")
		target, err := os.Readlink(path) // fails when the process has ended
		if err == nil {
			add(netnsInode(target), path)
		}
	}
	mounts, err := os.ReadFile(root.Proc("1/mountinfo"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list mounted namespaces: %w", err)
	}
	for _, m := range netnsMounts(mounts) {
		add(m.Inode, mountedAt(root, m))
	}
	return all, nil
}

// mountedAt finds a mounted namespace from here: in the host's root where it
// shows, else in the root of process 1, which takes the right to trace it.
func mountedAt(root hostfs.Root, m Netns) string {
	var st unix.Stat_t
	if path := root.Path(m.Path); unix.Stat(path, &st) == nil && st.Ino == m.Inode {
		return path
	}
	return root.Proc("1/root", m.Path)
}

// netnsMounts finds the mounts of network namespaces in a mountinfo file:
// "<id> <parent> <dev> net:[<inode>] <mount point> … - nsfs …" (proc(5)).
func netnsMounts(mountinfo []byte) []Netns {
	var all []Netns
	lines := bufio.NewScanner(bytes.NewReader(mountinfo))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 5 {
			continue
		}
		if n := netnsInode(f[3]); n != 0 {
			all = append(all, Netns{n, unescape.Replace(f[4])})
		}
	}
	return all
}

// unescape undoes what the kernel does to paths in mountinfo.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// netnsInode reads "net:[4026531840]"; 0 when it is something else.
func netnsInode(s string) uint64 {
	s, ok := strings.CutPrefix(s, "net:[")
	if !ok {
		return 0
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(s, "]"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// In runs do in a goroutine inside the namespace, which needs CAP_SYS_ADMIN
// unless it is the own one.
func (n Netns) In(do func() error) error {
	result := make(chan error, 1)
	go func() { result <- n.enter(do) }()
	return <-result
}

// enter never gives a thread back that it could not restore: the goroutine
// ends locked, and the runtime throws the thread away with it.
func (n Netns) enter(do func() error) error {
	runtime.LockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("open own network namespace: %w", err)
	}
	defer own.Close()
	target, err := os.Open(n.Path)
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer target.Close()
	if same(own, target) {
		defer runtime.UnlockOSThread()
		return do()
	}
	if err := unix.Setns(int(target.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace %s: %w", n.Path, err)
	}
	err = do()
	if unix.Setns(int(own.Fd()), unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread()
	}
	return err
}

// same reports whether two files are one.
func same(a, b *os.File) bool {
	one, err := a.Stat()
	if err != nil {
		return false
	}
	other, err := b.Stat()
	return err == nil && os.SameFile(one, other)
}
