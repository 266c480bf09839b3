package bpf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func inodeOf(t *testing.T, path string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

// cgroupMount finds cgroup v2, wherever this machine has it.
func cgroupMount(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			var fs unix.Statfs_t
			if unix.Statfs(dir, &fs) == nil && int64(fs.Type) == unix.CGROUP2_SUPER_MAGIC {
				return dir
			}
		}
	}
	t.Skip("cgroup v2 is not mounted")
	return ""
}

func TestResolveScopeOfNamespaces(t *testing.T) {
	const self = "/proc/self/ns/net"
	s, err := ResolveScope([]string{self, "4026531840"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	own := inodeOf(t, self)
	if len(s.Netns) != 2 || uint64(s.Netns[0]) != own || s.Netns[1] != 4026531840 {
		t.Errorf("got %v, want %d and 4026531840", s.Netns, own)
	}
	if !s.HasNetns(own) || s.HasNetns(1) || s.HasNetns(1<<32|own) {
		t.Error("HasNetns is wrong")
	}
	if everything := (Scope{}); !everything.HasNetns(own) {
		t.Error("an empty scope has everything")
	}
}

func TestResolveScopeOfCgroups(t *testing.T) {
	mount := cgroupMount(t)
	root := inodeOf(t, mount)
	for name, text := range map[string]string{"path": mount, "below the mount": "/", "inode": fmt.Sprint(root)} {
		s, err := ResolveScope(nil, []string{text}, mount)
		if err != nil || len(s.Cgroups) != 1 || s.Cgroups[0] != root {
			t.Errorf("%s: got %v, %v, want %d", name, s.Cgroups, err, root)
		}
	}
}

func TestResolveScopeRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		netns, cgroups []string
		want           string
	}{
		"missing namespace":  {[]string{"/run/netns/nowhere"}, nil, "scope_netns: \"/run/netns/nowhere\": no such file"},
		"file as namespace":  {[]string{file}, nil, "is not a network namespace"},
		"inode out of range": {[]string{"4294967296"}, nil, "is not the inode number of a network namespace"},
		"missing cgroup":     {nil, []string{"/nowhere.slice"}, "scope_cgroups: \"/nowhere.slice\": no such file"},
		"file as cgroup":     {nil, []string{file}, "is not a cgroup v2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ResolveScope(test.netns, test.cgroups, "")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want one with %q", err, test.want)
			}
		})
	}
}
