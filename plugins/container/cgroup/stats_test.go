package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"datakit.dev/agent/internal/hostfs"
)

// host is a tree of fixtures: the files are relative to /proc and /sys.
func host(t *testing.T, files map[string]string) *Reader {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return NewReader(hostfs.Root{ProcDir: filepath.Join(dir, "proc"), SysDir: filepath.Join(dir, "sys")})
}

const v1 = "sys/fs/cgroup/"

func TestStats(t *testing.T) {
	stat1 := "cache 8192\ninactive_file 1\ntotal_inactive_file 4096\n"
	tests := []struct {
		name  string
		files map[string]string
		want  Stats
	}{
		{"v2", map[string]string{
			"proc/7/cgroup":                       "0::/a.slice/b.scope\n",
			v1 + "cgroup.procs":                   "",
			v1 + "a.slice/b.scope/cpu.stat":       "usage_usec 1500000\nuser_usec 1000000\n",
			v1 + "a.slice/b.scope/cpu.max":        "150000 100000\n",
			v1 + "a.slice/b.scope/memory.current": "10000\n",
			v1 + "a.slice/b.scope/memory.max":     "65536\n",
			v1 + "a.slice/b.scope/memory.stat":    "anon 1\ninactive_file 4000\n",
			v1 + "a.slice/b.scope/memory.events":  "low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 1\n",
			v1 + "a.slice/b.scope/io.stat":        "8:0 rbytes=10 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n8:16 rbytes=5 wbytes=0 rios=1 wios=0\n",
		}, Stats{Has: Has{true, true, true, true}, CPU: 1500 * time.Millisecond, CPULimit: 1.5, Memory: 6000, MemoryLimit: 65536, OOMKills: 2, Read: 15, Written: 20}},
		{"v2 without limits and without io", map[string]string{
			"proc/7/cgroup":         "0::/../x\n",
			v1 + "cgroup.procs":     "",
			v1 + "x/cpu.stat":       "usage_usec 1\n",
			v1 + "x/cpu.max":        "max 100000\n",
			v1 + "x/memory.current": "10\n",
			v1 + "x/memory.max":     "max\n",
			v1 + "x/memory.stat":    "inactive_file 400\n",
		}, Stats{Has: Has{CPU: true, Memory: true}, CPU: time.Microsecond}},
		{"v1", map[string]string{
			"proc/7/cgroup":                                  "9:memory:/d/c\n8:cpu,cpuacct:/d/c\n3:blkio:/d/c\n1:name=systemd:/d/c\n0::/\n",
			v1 + "cpuacct/d/c/cpuacct.usage":                 "2000000000\n",
			v1 + "cpu/d/c/cpu.cfs_quota_us":                  "50000\n",
			v1 + "cpu/d/c/cpu.cfs_period_us":                 "100000\n",
			v1 + "memory/d/c/memory.usage_in_bytes":          "20480\n",
			v1 + "memory/d/c/memory.limit_in_bytes":          "9223372036854771712\n",
			v1 + "memory/d/c/memory.stat":                    stat1,
			v1 + "memory/d/c/memory.oom_control":             "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
			v1 + "blkio/d/c/blkio.throttle.io_service_bytes": "8:0 Read 1\n8:0 Write 2\n8:0 Total 3\n8:16 Read 4\nTotal 7\n",
		}, Stats{Has: Has{true, true, true, true}, CPU: 2 * time.Second, CPULimit: .5, Memory: 16384, OOMKills: 1, Read: 5, Written: 2}},
		{"v1 without quota", map[string]string{
			"proc/7/cgroup":                "9:cpu:/d\n8:cpuacct:/d\n",
			v1 + "cpuacct/d/cpuacct.usage": "1\n",
			v1 + "cpu/d/cpu.cfs_quota_us":  "-1\n",
			v1 + "cpu/d/cpu.cfs_period_us": "100000\n",
		}, Stats{Has: Has{CPU: true}, CPU: 1}},
		{"both, resources in v2", map[string]string{
			"proc/7/cgroup":             "1:name=systemd:/d\n0::/d\n",
			v1 + "unified/cgroup.procs": "",
			v1 + "unified/d/cpu.stat":   "usage_usec 3\n",
		}, Stats{Has: Has{CPU: true}, CPU: 3 * time.Microsecond}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := host(t, tt.files).Stats(7, "c"); err != nil || got != tt.want {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

func TestStatsOfWhatIsGone(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"process": {}, "cgroup": {"proc/7/cgroup": "0::/x\n"},
	} {
		if _, err := host(t, files).Stats(7, "c"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestNetwork(t *testing.T) {
	r := host(t, map[string]string{"proc/7/net/dev": `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 1000 1 0 0 0 0 0 0 1000 1 0 0 0 0 0 0
  eth0:  100 1 0 0 0 0 0 0  20 1 0 0 0 0 0 0
  eth1:1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0
`})
	for pid, ns := range map[string]string{"1": "net:[1]", "7": "net:[2]", "8": "net:[1]"} {
		dir := r.fs.Proc(pid, "ns")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(ns, filepath.Join(dir, "net")); err != nil {
			t.Fatal(err)
		}
	}
	if n, own, err := r.Network(7); err != nil || !own || n != (Network{101, 22}) {
		t.Errorf("got %+v, %v, %v", n, own, err)
	}
	if _, own, err := r.Network(8); err != nil || own {
		t.Errorf("host network: %v, %v", own, err)
	}
	if _, _, err := r.Network(9); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("gone: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("8:0 rbytes=10 wbytes=20\n")
	f.Add("8:0 Read 1\n")
	f.Add("4:cpu,cpuacct:/../x\n0::/y")
	f.Fuzz(func(t *testing.T, text string) {
		parseIOStat(text)
		parseBlkio(text)
		for c, dir := range parseGroups(text).at {
			if dir == "" || dir[0] != '/' || filepath.Clean(dir) != dir {
				t.Errorf("%q: folder %q", c, dir)
			}
		}
		if n := parseCPUMax(text); n < 0 {
			t.Errorf("%v cores", n)
		}
	})
}
