package procfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"datakit.dev/agent/internal/hostfs"
)

func TestReader(t *testing.T) {
	dir := t.TempDir()
	large := strings.Repeat("0123456789", 5000)
	for name, text := range map[string]string{"large": large, "small": "x", "empty": "", "number": " 42\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var r Reader
	for name, want := range map[string]string{"large": large, "small": "x", "empty": ""} {
		if got, err := r.Read(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		var fresh Reader // whose buffer is too small at first
		if got, err := fresh.ReadShort(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	for limit, want := range map[int]string{1: "0", 10: "0123456789", 4096: large[:4096], 5000: large[:5000], 1 << 20: large} {
		var fresh Reader
		if got, err := fresh.ReadHead(filepath.Join(dir, "large"), limit); err != nil || string(got) != want {
			t.Errorf("the first %d: %d bytes, %v", limit, len(got), err)
		}
	}
	if n, err := r.Number(filepath.Join(dir, "number")); n != 42 || err != nil {
		t.Errorf("number: %d, %v", n, err)
	}
	if _, err := r.Number(filepath.Join(dir, "small")); err == nil || !strings.Contains(err.Error(), `"x" is not a number`) {
		t.Errorf("no number: %v", err)
	}
	if _, err := r.Read(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	if _, err := r.Read(dir); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("folder: %v", err)
	}
}

// The files of a process come at once, whole.
func TestReadShortOfProcesses(t *testing.T) {
	all, err := Processes("/proc", nil)
	if err != nil {
		t.Fatal(err)
	}
	var r, short Reader
	for _, e := range all {
		for _, name := range []string{"status", "stat", "io", "cmdline"} {
			path := filepath.Join("/proc", strconv.Itoa(e.PID), name)
			got, err := short.ReadShort(path)
			if err != nil {
				continue // it ended, or belongs to somebody else
			}
			want, err := r.Read(path)
			if err != nil {
				continue
			}
			// Numbers move on between the two; the lines and words do not.
			if len(strings.Fields(string(got))) != len(strings.Fields(string(want))) {
				t.Errorf("%s: %d bytes at once, %d in the end", path, len(got), len(want))
			}
		}
	}
}

// Reading and parsing again must not cost memory.
func TestNoGarbage(t *testing.T) {
	var r Reader
	var s Stat
	var m Meminfo
	var disks []DiskStat
	var devs []NetDev
	files := []struct {
		path  string
		parse func([]byte) error
	}{
		{"testdata/linux-6.18/proc/stat", s.Parse},
		{"testdata/linux-6.18/proc/meminfo", m.Parse},
		{"testdata/linux-6.18/proc/diskstats", func(b []byte) error { disks = ParseDiskstats(b, disks[:0]); return nil }},
		{"testdata/linux-6.18/proc/net/dev", func(b []byte) (err error) { devs, err = ParseNetDev(b, devs[:0]); return err }},
	}
	n := testing.AllocsPerRun(20, func() {
		for _, f := range files {
			data, err := r.Read(f.path)
			if err == nil {
				err = f.parse(data)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	if n > 4 { // the paths of the system calls
		t.Errorf("%v allocations", n)
	}
}

func TestNetFile(t *testing.T) {
	for proc, want := range map[string]string{"": "/proc/net/dev", "/proc": "/proc/net/dev", "/rootfs/proc": "/rootfs/proc/1/net/dev"} {
		if got := NetFile(hostfs.Root{ProcDir: proc}, "dev"); got != want {
			t.Errorf("%q: %s, want %s", proc, got, want)
		}
	}
}
