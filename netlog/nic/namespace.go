package nic

import (
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/hostfs"
)

// Namespace is a network namespace with interfaces. It can be entered until
// its interfaces are gone.
type Namespace struct {
	Inode uint64
	Host  bool // that of process 1

	file      *os.File // a path may lead elsewhere when its process has ended
	listeners atomic.Pointer[Listeners]
}

func openNamespace(n bpf.Netns, host bool) (*Namespace, error) {
	f, err := os.Open(n.Path)
	if err != nil {
		return nil, fmt.Errorf("open network namespace %d: %w", n.Inode, err)
	}
	s := &Namespace{Inode: n.Inode, Host: host, file: f}
	err = s.descriptor(func(fd int) error {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			return err
		}
		if st.Ino != n.Inode {
			return fmt.Errorf("%s is %d by now", n.Path, st.Ino)
		}
		return nil
	})
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("open network namespace %d: %w", n.Inode, err)
	}
	return s, nil
}

// In runs do in the namespace, as bpf.Netns.In does; os.ErrClosed when its
// interfaces are gone.
func (n *Namespace) In(do func() error) error {
	return n.descriptor(func(fd int) error {
		return bpf.Netns{Inode: n.Inode, Path: fmt.Sprintf("/proc/self/fd/%d", fd)}.In(do)
	})
}

// Listening reports whether a TCP socket of the namespace listened on the
// address at the last look.
func (n *Namespace) Listening(local netip.AddrPort) bool { return n.listeners.Load().Has(local) }

// descriptor lends the open file, which stays open meanwhile.
func (n *Namespace) descriptor(do func(fd int) error) error {
	conn, err := n.file.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if conn.Control(func(fd uintptr) { failed = do(int(fd)) }) != nil {
		return os.ErrClosed
	}
	return failed
}

func (n *Namespace) close() { n.file.Close() }

// hostInode is the namespace of process 1, or of this one when that cannot be
// told.
func hostInode(fs hostfs.Root) uint64 {
	for _, path := range []string{fs.Proc("1/ns/net"), "/proc/self/ns/net"} {
		var st unix.Stat_t
		if unix.Stat(path, &st) == nil {
			return st.Ino
		}
	}
	return 0
}
