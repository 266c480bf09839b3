// Package mounts lists the mounted file systems of the host and asks how full
// they are, without ever waiting long for one that does not answer.
//
//	/proc/<pid>/mountinfo ──► Parse ──► []Mount ──► Filter.Select ──► []Mount ──► Prober.Probe ──► []Usage
package mounts

import (
	"bytes"
	"fmt"
	"os"
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
	path := fs.Proc("self", "mountinfo")
	if fs.ProcDir != "" && fs.ProcDir != "/proc" {
		path = fs.Proc("1", "mountinfo")
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(data)
}

// Parse reads the content of a mountinfo file. Of mounts on the same mount
// point only the last is returned, which hides the others.
func Parse(data []byte) ([]Mount, error) {
	var all []Mount
	last := map[string]int{} // by mount point
	for line := range bytes.Lines(data) {
		m, err := parseLine(string(bytes.TrimSuffix(line, []byte("\n"))))
		if err != nil {
			return nil, err
		}
		if i, hidden := last[m.MountPoint]; hidden {
			all[i] = m
			continue
		}
		last[m.MountPoint] = len(all)
		all = append(all, m)
	}
	return all, nil
}

// parseLine reads, for example:
//
//	36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
func parseLine(line string) (Mount, error) {
	before, after, ok := strings.Cut(line, " - ")
	a, b := strings.Fields(before), strings.Split(after, " ")
	if !ok || len(a) < 6 || len(b) < 2 {
		return Mount{}, fmt.Errorf("read mountinfo: %q is not a mount", line)
	}
	options, _, _ := strings.Cut(a[5], ",")
	return Mount{
		Device: a[2], Root: unescape(a[3]), MountPoint: unescape(a[4]), ReadOnly: options == "ro",
		FSType: unescape(b[0]), Source: unescape(b[1]),
	}, nil
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
