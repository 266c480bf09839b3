package limit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// membership is the cgroup v2 a process is in.
type membership struct {
	dir  string // where the file system shows it
	root bool   // of the whole hierarchy
}

// ownCgroup finds the cgroup v2 of the process whose /proc directory is self:
// cgroups(7), the line "0::<path>" of /proc/<pid>/cgroup, below the mount of
// type cgroup2 in proc_pid_mountinfo(5).
func ownCgroup(self string) (membership, error) {
	raw, err := os.ReadFile(filepath.Join(self, "cgroup"))
	if err != nil {
		return membership{}, err
	}
	path, found := "", false
	for line := range strings.Lines(string(raw)) {
		if path, found = strings.CutPrefix(strings.TrimSpace(line), "0::"); found {
			break
		}
	}
	if !found {
		return membership{}, errors.New("this process is in no cgroup v2")
	}
	mounts, err := os.ReadFile(filepath.Join(self, "mountinfo"))
	if err != nil {
		return membership{}, err
	}
	mount, err := parseMountinfo(string(mounts))
	if err != nil {
		return membership{}, err
	}
	dir := filepath.Join(mount, path)
	// The real root has no cgroup.type; that of a container's namespace,
	// which is "/" as well, has one.
	_, err = os.Stat(filepath.Join(dir, "cgroup.type"))
	return membership{dir: dir, root: errors.Is(err, os.ErrNotExist)}, nil
}

// parseMountinfo returns where the first cgroup2 file system is mounted
// writable.
func parseMountinfo(text string) (string, error) {
	reason := errors.New("no cgroup v2 file system is mounted")
	for line := range strings.Lines(text) {
		before, after, found := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !found || len(left) < 6 || len(right) < 1 || right[0] != "cgroup2" {
			continue
		}
		if strings.HasPrefix(left[5], "ro") {
			reason = fmt.Errorf("the cgroup v2 file system at %s is read-only", left[4])
			continue
		}
		return left[4], nil
	}
	return "", reason
}
