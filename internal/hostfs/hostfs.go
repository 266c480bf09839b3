// Package hostfs locates the file systems of the host that is observed. On a
// host these are /proc, /sys and /; in a container that watches its host they
// are mounted elsewhere (HOST_PROC, HOST_SYS, HOST_ROOT), and in tests they
// are trees of fixtures.
package hostfs

import (
	"os"
	"path/filepath"
	"strings"
)

// Root holds where the host's file systems are. The zero Root is the machine
// the process itself runs on.
type Root struct {
	ProcDir string // default /proc
	SysDir  string // default /sys
	RootDir string // default /
}

// FromEnv reads HOST_PROC, HOST_SYS and HOST_ROOT through getenv.
func FromEnv(getenv func(string) string) Root {
	return Root{ProcDir: getenv("HOST_PROC"), SysDir: getenv("HOST_SYS"), RootDir: getenv("HOST_ROOT")}
}

// Proc joins elem to the host's /proc.
func (r Root) Proc(elem ...string) string { return join(r.ProcDir, "/proc", elem) }

// Sys joins elem to the host's /sys.
func (r Root) Sys(elem ...string) string { return join(r.SysDir, "/sys", elem) }

// Path joins elem to the host's /.
func (r Root) Path(elem ...string) string { return join(r.RootDir, "/", elem) }

// maxLinks is how many symbolic links the kernel follows in a path
// (path_resolution(7)).
const maxLinks = 40

// Resolve is Path for what the host may have put behind symbolic links, such
// as /var/run: an absolute link begins at the root of the host, not at ours.
// What does not exist is followed as far as it does.
func (r Root) Resolve(name string) string {
	if r.RootDir == "" || r.RootDir == "/" {
		return r.Path(name) // the kernel follows them
	}
	at, left := "/", strings.Split(name, "/")
	for links := 0; len(left) > 0; {
		element := left[0]
		left = left[1:]
		next := filepath.Join(at, element)
		target, err := os.Readlink(r.Path(next))
		if err != nil || element == "" || element == "." || element == ".." || links == maxLinks {
			at = next
			continue
		}
		links++
		if filepath.IsAbs(target) {
			at = "/"
		}
		left = append(strings.Split(target, "/"), left...)
	}
	return r.Path(at)
}

func join(dir, fallback string, elem []string) string {
	if dir == "" {
		dir = fallback
	}
	return filepath.Join(append([]string{dir}, elem...)...)
}
