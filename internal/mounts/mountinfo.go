// Package mounts lists the mounted file systems of the host and asks how full
// they are, without ever waiting long for one that does not answer.
//
//	/proc/<pid>/mountinfo ──► Parse ──► []Mount ──► Filter.Select ──► []Mount ──► Prober.Probe ──► []Usage
package mounts

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"strings"

	"datakit.dev/agent/internal/hostfs"
)

// Mount is one line of mountinfo, see proc_pid_mountinfo(5).
type Mount struct {
	Device     string // major:minor, as of st_dev
	Root       string // what of the file system is mounted: "/", or a folder
	MountPoint string
	FSType     string
	Source     string // for disks the device, "/dev/sda1"
	ReadOnly   bool
}

// Read returns the mounts of the host: those this process sees, or where the
// host's /proc is mounted elsewhere those of its first process.
func Read(fs hostfs.Root) ([]Mount, error) {
	file := fs.Proc("self", "mountinfo")
	if fs.ProcDir != "" && fs.ProcDir != "/proc" {
		file = fs.Proc("1", "mountinfo")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parse(data)
}

// line is one line of mountinfo with the place of the mount in the tree.
type line struct {
	Mount
	id, parent string
}

// parse reads the content of a mountinfo file. Mounts that nobody can reach
// are left out: those below another one on the same mount point, and those in
// a folder that something was mounted over later.
func parse(data []byte) ([]Mount, error) {
	var lines []line
	for text := range bytes.Lines(data) {
		l, err := parseLine(string(bytes.TrimSuffix(text, []byte("\n"))))
		if err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	var all []Mount
	last := map[string]int{} // by mount point
	hidden := buried(lines)
	for i, l := range lines {
		if hidden[i] {
			continue
		}
		if at, again := last[l.MountPoint]; again {
			all[at] = l.Mount
			continue
		}
		last[l.MountPoint] = len(all)
		all = append(all, l.Mount)
	}
	return all, nil
}

// buried finds the mounts in folders that another mount covers: one on the
// same file system (the parent) and on a folder above, or one that covers the
// parent.
func buried(lines []line) []bool {
	type place struct{ parent, point string }
	byPlace, byID := map[place]int{}, map[string]int{}
	for i, l := range lines {
		byID[l.id] = i
		if l.id != l.parent { // the first of all is its own parent
			byPlace[place{l.parent, l.MountPoint}] = i
		}
	}
	hidden, known := make([]bool, len(lines)), make([]bool, len(lines))
	var look func(i int) bool
	look = func(i int) bool {
		if known[i] {
			return hidden[i]
		}
		known[i] = true // before the parent, which in nonsense is itself
		l := lines[i]
		for at := l.MountPoint; at != "/" && at != "." && !hidden[i]; {
			at = path.Dir(at)
			above, there := byPlace[place{l.parent, at}]
			hidden[i] = there && lines[above].id != l.parent
		}
		if parent, there := byID[l.parent]; there && !hidden[i] {
			hidden[i] = look(parent)
		}
		return hidden[i]
	}
	for i := range lines {
		look(i)
	}
	return hidden
}

// parseLine reads, for example:
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
//
// Only blanks part the words: other white space of a name, such as the
// ideographic space, stands as it is.
func parseLine(text string) (line, error) {
	before, after, ok := strings.Cut(text, " - ")
	a, b := strings.Split(before, " "), strings.Split(after, " ")
	if !ok || len(a) < 6 || len(b) < 2 {
		return line{}, fmt.Errorf("read mountinfo: %q is not a mount", text)
	}
	options, _, _ := strings.Cut(a[5], ",")
	return line{Mount{
		Device: a[2], Root: unescape(a[3]), MountPoint: unescape(a[4]), ReadOnly: options == "ro",
		FSType: unescape(b[0]), Source: unescape(b[1]),
	}, a[0], a[1]}, nil
}

// unescape replaces \040 and its like, by which the kernel writes white space
// and backslashes.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && octal(s[i+1]) && octal(s[i+2]) && octal(s[i+3]) {
			out.WriteByte((s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0'))
			i += 3
			continue
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

func octal(c byte) bool { return '0' <= c && c <= '7' }
