// Package cgroup reads what a container uses from the files of its cgroups,
// version 1 and 2 (cgroups(7), Documentation/admin-guide/cgroup-v2.rst and
// cgroup-v1/ of the kernel).
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"strings"
	"time"

	"datakit.dev/agent/internal/hostfs"
)

// Stats is the use of one container. What the kernel does not tell, because a
// controller is off, is not set in Has.
type Stats struct {
	Has Has

	CPU      time.Duration // consumed since the cgroup was made
	CPULimit float64       // cores; 0 is no limit

	Memory      uint64 // bytes in use, without page cache that is not in active use
	MemoryLimit uint64 // bytes; 0 is no limit
	OOMKills    uint64 // processes killed for want of memory

	Read, Written uint64 // bytes of block devices
}

// Has says which parts of [Stats] are known.
type Has struct{ CPU, Memory, OOM, IO bool }

// Reader reads cgroups of a host. It is not safe for concurrent use.
type Reader struct {
	fs      hostfs.Root
	located map[[2]string]string // paths by mount point and container
}

// NewReader returns a reader.
func NewReader(root hostfs.Root) *Reader { return &Reader{root, map[[2]string]string{}} }

// Stats reads the cgroups of the container with this id, in which process pid
// is. The error wraps [fs.ErrNotExist] when the process or its cgroup is gone.
func (r *Reader) Stats(pid int, id string) (Stats, error) {
	text, err := readFile(r.fs.Proc(fmt.Sprint(pid), "cgroup"))
	if err != nil {
		return Stats{}, fmt.Errorf("find cgroups: %w", err)
	}
	groups := parseGroups(text)
	if r.foreign() {
		groups.locate = id
	}
	var s Stats
	var errs []error
	errs = append(errs, r.cpu(&s, groups), r.memory(&s, groups), r.io(&s, groups))
	if !s.Has.CPU && !s.Has.Memory && !s.Has.IO {
		return s, fmt.Errorf("read cgroup of process %d: %w", pid, errors.Join(append(errs, fs.ErrNotExist)...))
	}
	return s, errors.Join(errs...)
}

// groups are the cgroups of a process.
type groups struct {
	// at maps controllers to the folder of the process, relative to the mount
	// point; the unified hierarchy has the name "".
	at     map[string]string
	locate string // container whose folders have to be found by its name; "": those of at are right
}

// parseGroups reads lines of "hierarchy:controllers:path".
func parseGroups(text string) groups {
	all := map[string]string{}
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		dir := path.Clean("/" + parts[2])
		if parts[0] == "0" {
			all[""] = dir
			continue
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			if controller != "" {
				all[controller] = dir
			}
		}
	}
	return groups{at: all}
}

// below returns the folder of a controller under its mount point.
func (r *Reader) below(mount string, g groups, controller string) (dir string, ok bool) {
	at, ok := g.at[controller]
	if ok && g.locate != "" {
		if found, there := r.locate(mount, g.locate); there {
			at = found
		}
	}
	return path.Join(mount, at), ok
}

// version1 returns the folder of a v1 controller. Its mount point is named
// after it, or the name is a link to that of controllers mounted together.
func (r *Reader) version1(g groups, controller string) (dir string, ok bool) {
	return r.below(r.fs.Sys("fs/cgroup", controller), g, controller)
}

// unified returns the folder of the v2 hierarchy: at the mount point, or in
// "unified" on a host with both versions.
func (r *Reader) unified(g groups) (dir string, ok bool) {
	mount := r.fs.Sys("fs/cgroup")
	if exists(path.Join(mount, "unified", "cgroup.procs")) {
		mount = path.Join(mount, "unified")
	}
	return r.below(mount, g, "")
}

func (r *Reader) cpu(s *Stats, g groups) error {
	if dir, ok := r.version1(g, "cpuacct"); ok {
		used, err := readUint(path.Join(dir, "cpuacct.usage"))
		if err != nil {
			return absent(err)
		}
		s.CPU, s.Has.CPU = time.Duration(min(used, math.MaxInt64)), true
		if dir, ok := r.version1(g, "cpu"); ok {
			quota, qerr := readInt(path.Join(dir, "cpu.cfs_quota_us"))
			period, perr := readInt(path.Join(dir, "cpu.cfs_period_us"))
			if qerr == nil && perr == nil && quota > 0 && period > 0 {
				s.CPULimit = float64(quota) / float64(period)
			}
		}
		return nil
	}
	dir, ok := r.unified(g)
	if !ok {
		return nil
	}
	text, err := readFile(path.Join(dir, "cpu.stat"))
	if err != nil {
		return absent(err)
	}
	if used, ok := keyed(text, "usage_usec"); ok {
		s.CPU, s.Has.CPU = time.Duration(min(used, math.MaxInt64/1000))*time.Microsecond, true
	}
	if text, err := readFile(path.Join(dir, "cpu.max")); err == nil {
		s.CPULimit = parseCPUMax(text)
	}
	return nil
}

func (r *Reader) memory(s *Stats, g groups) error {
	use, limit, cache, kills := "memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file", "memory.oom_control"
	dir, ok := r.version1(g, "memory")
	if !ok {
		use, limit, cache, kills = "memory.current", "memory.max", "inactive_file", "memory.events"
		if dir, ok = r.unified(g); !ok {
			return nil
		}
	}
	used, err := readUint(path.Join(dir, use))
	if err != nil {
		return absent(err)
	}
	text, err := readFile(path.Join(dir, "memory.stat"))
	if err != nil {
		return absent(err)
	}
	inactive, _ := keyed(text, cache)
	s.Memory, s.Has.Memory = used-min(used, inactive), true
	// "max", or in v1 a number near 2^63, is no limit.
	if n, err := readUint(path.Join(dir, limit)); err == nil && n < 1<<62 {
		s.MemoryLimit = n
	}
	if text, err := readFile(path.Join(dir, kills)); err == nil {
		s.OOMKills, s.Has.OOM = keyed(text, "oom_kill")
	}
	return nil
}

func (r *Reader) io(s *Stats, g groups) error {
	if dir, ok := r.version1(g, "blkio"); ok {
		for _, file := range []string{"blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"} {
			text, err := readFile(path.Join(dir, file))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return absent(err)
			}
			s.Read, s.Written = parseBlkio(text)
			s.Has.IO = true
			return nil
		}
		return nil
	}
	dir, ok := r.unified(g)
	if !ok {
		return nil
	}
	text, err := readFile(path.Join(dir, "io.stat"))
	if err != nil {
		return absent(err)
	}
	s.Read, s.Written = parseIOStat(text)
	s.Has.IO = true
	return nil
}
