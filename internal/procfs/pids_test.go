package procfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
)

func TestProcesses(t *testing.T) {
	dir := t.TempDir()
	var want []int
	for i := 1; i < 1000; i += 3 {
		want = append(want, i)
		if err := os.Mkdir(filepath.Join(dir, strconv.Itoa(i)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, other := range []string{"self", "acpi", "0", "12a", "99999999999", "-4"} {
		if err := os.Mkdir(filepath.Join(dir, other), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	all, err := Processes(dir, nil)
	var got []int
	for _, e := range all {
		got = append(got, e.PID)
	}
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d processes, want %d, %v", len(got), len(want), err)
	}
	if _, err := Processes(filepath.Join(dir, "absent"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

// The inode in the list is that of the folder, it stays while the process
// lives, and no two processes have the same.
func TestInodesOfProcesses(t *testing.T) {
	list := func() map[int]uint64 {
		all, err := Processes("/proc", nil)
		if err != nil {
			t.Fatal(err)
		}
		byPID, seen := map[int]uint64{}, map[uint64]bool{}
		for _, e := range all {
			if seen[e.Inode] {
				t.Errorf("two processes have inode %d", e.Inode)
			}
			byPID[e.PID], seen[e.Inode] = e.Inode, true
		}
		return byPID
	}
	before := list()
	info, err := os.Stat("/proc/" + strconv.Itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	if own := info.Sys().(*syscall.Stat_t).Ino; before[os.Getpid()] != own || list()[os.Getpid()] != own {
		t.Errorf("listed with %d, then %d, the folder has %d", before[os.Getpid()], list()[os.Getpid()], own)
	}
}

func FuzzParseDirents(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x18\x00\x0412\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, e := range parseDirents(data, nil) {
			if e.PID <= 0 {
				t.Errorf("%+v", e)
			}
		}
	})
}
