//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
)

// An agent that ended, of itself or by force, leaves no process, program,
// map, link, mount or socket behind.
func TestNothingIsLeftBehind(t *testing.T) {
	needRoot(t, "the collector loads programs into the kernel")
	ends := map[string]func(*agent){
		"stopped": func(a *agent) { a.stop() },
		"killed":  func(a *agent) { a.kill() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			mounts := kernelMounts(t)
			a := newAgent(t, t.TempDir())
			a.collect(t)
			a.start(t)
			pid := a.collector(t)
			var held kernelObjects
			eventually(t, 20*time.Second, func() (bool, string) {
				held = kernelObjectsOf(t, pid)
				return len(held.links) > 0 && len(held.programs) > 0 && len(held.maps) > 0, fmt.Sprintf("%+v", held)
			})
			end(a)

			eventually(t, 10*time.Second, func() (bool, string) {
				return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH), fmt.Sprintf("the collector, process %d, lives", pid)
			})
			eventually(t, 10*time.Second, func() (bool, string) {
				left := held.left()
				return len(left) == 0, fmt.Sprintf("the kernel still has %v", left)
			})
			if after := kernelMounts(t); !slices.Equal(after, mounts) {
				t.Errorf("mounts changed from\n%s\nto\n%s", mounts, after)
			}
			if name == "stopped" { // a killed agent cannot; the next start does
				sockets, _ := filepath.Glob(filepath.Join(a.home, "run", "*.sock"))
				folders, _ := filepath.Glob(filepath.Join(a.home, "run", "*", "*"))
				if left := append(sockets, folders...); len(left) > 0 {
					t.Errorf("left in run: %v", left)
				}
			}
		})
	}
}

// kernelMounts lists the mounts of the kinds of file systems that a collector
// could want. Others come and go on a machine that does more than this test.
func kernelMounts(t *testing.T) (all []string) {
	t.Helper()
	for line := range strings.Lines(read(t, "/proc/self/mountinfo")) {
		_, rest, _ := strings.Cut(line, " - ") // type, source, options: proc_pid_mountinfo(5)
		kind, _, _ := strings.Cut(rest, " ")
		if slices.Contains([]string{"bpf", "cgroup2", "tracefs", "debugfs"}, kind) {
			all = append(all, line)
		}
	}
	return all
}

// kernelObjects are ids of BPF objects.
type kernelObjects struct{ programs, maps, links []uint32 }

// kernelObjectsOf lists what the descriptors of a process hold, from
// /proc/PID/fdinfo (proc(5): prog_id, map_id, link_id).
func kernelObjectsOf(t *testing.T, pid int) (o kernelObjects) {
	t.Helper()
	infos, err := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range infos {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // closed meanwhile
		}
		for line := range strings.Lines(string(text)) {
			var id uint32
			switch {
			case scanID(line, "link_id:", &id):
				o.links = append(o.links, id)
			case scanID(line, "prog_id:", &id):
				o.programs = append(o.programs, id)
			case scanID(line, "map_id:", &id):
				o.maps = append(o.maps, id)
			}
		}
	}
	return o
}

func scanID(line, key string, id *uint32) bool {
	rest, ok := strings.CutPrefix(line, key)
	if !ok {
		return false
	}
	_, err := fmt.Sscan(rest, id)
	return err == nil
}

// left lists those that still exist.
func (o kernelObjects) left() (all []string) {
	note := func(kind string, id uint32, err error, closer interface{ Close() error }) {
		if errors.Is(err, os.ErrNotExist) {
			return
		}
		if err == nil {
			_ = closer.Close()
		}
		all = append(all, fmt.Sprintf("%s %d (%v)", kind, id, err))
	}
	for _, id := range o.programs {
		p, err := ebpf.NewProgramFromID(ebpf.ProgramID(id))
		note("program", id, err, p)
	}
	for _, id := range o.maps {
		m, err := ebpf.NewMapFromID(ebpf.MapID(id))
		note("map", id, err, m)
	}
	for _, id := range o.links {
		l, err := link.NewFromID(link.ID(id))
		note("link", id, err, l)
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
