package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/hostfs"
)

// TestCaptured: trees of real kernels (inputs/all/testdata/capture.sh, and for
// version 1 a cgroup in which the kernel killed once). Each has a limit of 1.5
// cores and 64 MiB.
func TestCaptured(t *testing.T) {
	for _, tt := range []struct {
		tree         string
		want         Has
		kills, bytes uint64
	}{
		{"linux-5.10-v2", Has{CPU: true, Memory: true, OOM: true, IO: true}, 0, 6684672},
		{"linux-6.1-v2", Has{CPU: true, Memory: true, OOM: true, IO: true}, 0, 6684672},
		{"linux-6.18-v1", Has{CPU: true, Memory: true, OOM: true, IO: true}, 1, 0},
	} {
		t.Run(tt.tree, func(t *testing.T) {
			dir := filepath.Join("testdata", tt.tree)
			found, err := filepath.Glob(dir + "/proc/*")
			if err != nil || len(found) != 1 {
				t.Fatalf("processes %q, %v", found, err)
			}
			pid, err := strconv.Atoi(filepath.Base(found[0]))
			if err != nil {
				t.Fatal(err)
			}
			s, err := NewReader(hostfs.Root{ProcDir: dir + "/proc", SysDir: dir + "/sys"}).Stats(pid, "")
			if err != nil || s.Has != tt.want || s.CPULimit != 1.5 || s.MemoryLimit != 64<<20 || s.OOMKills != tt.kills || s.Read != tt.bytes || s.Written != 0 {
				t.Errorf("%+v, %v", s, err)
			}
			text := map[string]string{}
			_ = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
				if err == nil && info.Mode().IsRegular() {
					data, _ := os.ReadFile(path)
					text[filepath.Base(path)] = strings.TrimSpace(string(data))
				}
				return err
			})
			// By another way: user and system time make up the whole, and what
			// is in use is no less than anonymous memory.
			if stat := text["cpu.stat"]; strings.Contains(stat, "user_usec") {
				user, _ := keyed(stat, "user_usec")
				system, _ := keyed(stat, "system_usec")
				if sum := time.Duration(user+system) * time.Microsecond; s.CPU < sum || s.CPU > sum+time.Millisecond {
					t.Errorf("%v of CPU, user and system are %v", s.CPU, sum)
				}
			} else if ns, _ := strconv.ParseInt(text["cpuacct.usage"], 10, 64); s.CPU != time.Duration(ns) {
				t.Errorf("%v of CPU, want %d ns", s.CPU, ns)
			}
			anonymous, ok := keyed(text["memory.stat"], "anon")
			if !ok {
				anonymous, ok = keyed(text["memory.stat"], "total_rss")
			}
			if !ok || s.Memory < anonymous || s.Memory > 64<<20 {
				t.Errorf("%d bytes in use, %d anonymous", s.Memory, anonymous)
			}
		})
	}
}
