package containers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"datakit.dev/agent/internal/hostfs"
)

// ErrNoCgroup2 says that the host's cgroup v2 file system is not mounted.
var ErrNoCgroup2 = errors.New("no cgroup v2 file system found")

// Mount returns where the host's cgroup v2 file system is: /sys/fs/cgroup,
// or its folder unified on a host with both versions. What is mounted in a
// container may begin at the container's own cgroup, which every cgroup but
// the first has the file cgroup.events to show.
func Mount(root hostfs.Root) (string, error) {
	has := func(dir, file string) bool {
		_, err := os.Stat(filepath.Join(dir, file))
		return err == nil
	}
	for _, dir := range []string{root.Sys("fs/cgroup"), root.Sys("fs/cgroup/unified")} {
		if has(dir, "cgroup.procs") && !has(dir, "cgroup.events") {
			return dir, nil
		}
	}
	return "", ErrNoCgroup2
}

// CgroupID returns the cgroup v2 id of a folder below the mount: its inode
// number, which is what bpf_get_current_cgroup_id and bpf_sk_cgroup_id return
// (64-bit machines, Linux 5.5 and later).
func CgroupID(dir string) (uint64, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return 0, err
	}
	return inode(info), nil
}

func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}

// Bounds of the table.
const (
	maxCgroups = 65536
	rescan     = time.Second // at least this long between two walks
)

// Cgroups maps cgroup v2 ids to paths. Walking the tree costs about 5 µs per
// cgroup, so it happens when an unknown id is asked for, at most once in a
// second. Cgroups that are gone are remembered until the table is full. Safe
// for concurrent use.
type Cgroups struct {
	root hostfs.Root
	now  func() time.Time

	mu     sync.Mutex
	paths  map[uint64]string
	walked time.Time
	stats  Stats
}

// Stats counts since the table was made.
type Stats struct {
	Cgroups int   // held now
	Walks   int64 // of the tree
	Unknown int64 // lookups that found nothing
	Resets  int64 // the table was full and forgot what is gone
}

// NewCgroups makes an empty table.
func NewCgroups(root hostfs.Root, now func() time.Time) *Cgroups {
	return &Cgroups{root: root, now: now, paths: map[uint64]string{}}
}

// Path returns the path of a cgroup below the mount point, "/" for the root.
func (c *Cgroups) Path(id uint64) (string, bool) {
	if id == 0 {
		return "", false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if path, ok := c.paths[id]; ok {
		return path, true
	}
	if now := c.now(); c.walked.IsZero() || now.Before(c.walked) || now.Sub(c.walked) >= rescan {
		c.walked = now
		c.walk()
	}
	path, ok := c.paths[id]
	if !ok {
		c.stats.Unknown++
	}
	return path, ok
}

// Container returns the id of the container of a cgroup, "" when it is none
// or unknown.
func (c *Cgroups) Container(id uint64) string {
	path, _ := c.Path(id)
	return ID(path)
}

// Stats may be called at any time.
func (c *Cgroups) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Cgroups = len(c.paths)
	return s
}

// walk adds all cgroups there are. c.mu is held.
func (c *Cgroups) walk() {
	c.stats.Walks++
	mount, err := Mount(c.root)
	if err != nil {
		return
	}
	if len(c.paths) >= maxCgroups {
		clear(c.paths)
		c.stats.Resets++
	}
	// Errors are of cgroups that go away meanwhile: there is nothing to see.
	_ = filepath.WalkDir(mount, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		if len(c.paths) >= maxCgroups {
			return fs.SkipAll
		}
		if info, err := d.Info(); err == nil {
			c.paths[inode(info)] = "/" + relative(mount, dir)
		}
		return nil
	})
}

func relative(mount, dir string) string {
	if dir == mount {
		return ""
	}
	return dir[len(mount)+1:]
}
