package procfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

func TestPIDs(t *testing.T) {
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
	got, err := PIDs(dir, nil)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d pids, want %d, %v", len(got), len(want), err)
	}
	if all, err := PIDs("/proc", nil); err != nil || !slices.Contains(all, os.Getpid()) {
		t.Errorf("this process is not in /proc: %v, %v", all, err)
	}
	if _, err := PIDs(filepath.Join(dir, "absent"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func FuzzParseDirents(f *testing.F) {
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x18\x00\x0412\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, pid := range parseDirents(data, nil) {
			if pid <= 0 {
				t.Errorf("pid %d", pid)
			}
		}
	})
}
