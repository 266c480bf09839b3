package cgroup

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"datakit.dev/agent/internal/containers"
)

// foreign reports whether this process has a cgroup namespace that is not the
// first one, as the containers of pods have: /proc/<pid>/cgroup then shows
// paths relative to our own cgroup ("/../../pod1/a"), which lead nowhere in
// the file system of the host.
func (r *Reader) foreign() bool {
	own, err := os.Readlink(r.fs.Proc("self", "ns", "cgroup"))
	return err == nil && own != fmt.Sprintf("cgroup:[%d]", containers.InitCgroupNamespace) // else older than Linux 4.6
}

// maxLocated bounds the paths that are remembered; then all are looked for
// again.
const maxLocated = 4096

// locate finds the cgroup of a container below a mount point by its name, and
// returns its path from there. A hierarchy is walked once for a container,
// about 5 µs for each cgroup.
func (r *Reader) locate(mount, id string) (at string, ok bool) {
	key := [2]string{mount, id}
	if at, ok = r.located[key]; ok && exists(path.Join(mount, at)) {
		return at, true
	}
	delete(r.located, key)
	// Errors are of cgroups that go away meanwhile. The dot follows a mount
	// point that is a link.
	_ = filepath.WalkDir(mount+"/.", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || !isCgroupOf(d.Name(), id) {
			return nil
		}
		at, ok = strings.TrimPrefix(dir, mount), true
		return fs.SkipAll
	})
	if ok {
		if len(r.located) >= maxLocated {
			clear(r.located)
		}
		r.located[key] = at
	}
	return at, ok
}

// isCgroupOf reports whether a cgroup of this name is that of a container: its
// id, alone or behind the name of its runtime. Monitors run beside containers.
func isCgroupOf(name, id string) bool {
	before, ok := strings.CutSuffix(strings.TrimSuffix(name, ".scope"), id)
	return ok && id != "" && !strings.HasSuffix(before, "conmon-") &&
		(before == "" || strings.HasSuffix(before, "-") || strings.HasSuffix(before, ":"))
}
