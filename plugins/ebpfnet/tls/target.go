package tls

import (
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// fileID names a file. Uprobes belong to inodes, so the same file must be
// found to be the same through whatever mount it is seen.
type fileID struct {
	dev, inode uint64
	size       int64
	changed    int64 // ns
}

// identify follows path. An overlay has a device of its own per container,
// while all of them share the files of their image, and thus the probes in
// them: there the inode number, size and time have to do.
func identify(path string) (fileID, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return fileID{}, fmt.Errorf("identify %s: %w", path, err)
	}
	id := fileID{dev: st.Dev, inode: st.Ino, size: st.Size, changed: st.Mtim.Nano()}
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err == nil && fs.Type == unix.OVERLAYFS_SUPER_MAGIC {
		id.dev = 0
	}
	return id, nil
}

// target is a file with probes in it.
type target struct {
	path   string // as one of its users sees it
	holds  [libraries]bool
	links  io.Closer
	users  map[uint32]bool // pids
	unused time.Time       // since when nobody uses it; zero: somebody does
}

func (t *target) use(pid uint32) {
	t.users[pid] = true
	t.unused = time.Time{}
}

func (t *target) release(pid uint32, now time.Time) {
	delete(t.users, pid)
	if len(t.users) == 0 && t.unused.IsZero() {
		t.unused = now
	}
}
