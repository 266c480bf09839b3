package system

import (
	"io/fs"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/procfs"
)

func copyTree(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/"+name)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func equal(t *testing.T, r inputtest.Record, want map[string]float64) {
	t.Helper()
	for key, w := range want {
		if v, ok := r.Number(key); !ok || math.Abs(v-w) > 1e-9 {
			t.Errorf("%s %s = %v, want %v", r.Measurement, key, v, w)
		}
	}
}

func TestGather(t *testing.T) {
	dir := copyTree(t, "linux-7.2")
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(dir), time.Now), nil)
	stat := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "proc/stat"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "proc/loadavg"), []byte("4.00 2.00 1.00 1/99 7\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	stat("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1 0 0 400 0\ncpu1 1 0 0 400 0\ncpu3 1 0 0 1 0\ncpu9 1 0 0 1 0\nbtime 5\n")
	first := inputtest.Gather(t, in)
	if _, ok := first.Find(t, "system").Number("cpu_total_usage"); ok {
		t.Error("the first cycle knows the use of the CPUs")
	}
	stat("cpu  120 0 110 870 0 0 0 0 0 0\ncpu0 1 0 0 400 0\ncpu1 1 0 0 400 0\ncpu3 1 0 0 1 0\ncpu9 1 0 0 1 0\nbtime 5\n")
	got := inputtest.Gather(t, in)
	inputtest.Conforms(t, Factory().Spec, got.Records, true)
	equal(t, got.Find(t, "system"), map[string]float64{
		"load1": 4, "load5": 2, "load15": 1, "load1_per_core": 1, "load5_per_core": 0.5, "load15_per_core": 0.25,
		"n_cpus": 4, "n_users": 1, "process_count": 3, "cpu_total_usage": 30,
	})
	equal(t, got.Find(t, "conntrack"), map[string]float64{
		"entries": 17, "entries_limit": 262144, "stat_found": 0xf2, "stat_invalid": 0x13, "stat_ignore": 0x24, "stat_insert": 0x35,
		"stat_insert_failed": 0x46, "stat_drop": 0x57, "stat_early_drop": 0x68, "stat_search_restart": 0x79,
	})
	equal(t, got.Find(t, "pressure", "resource", "irq"), map[string]float64{"full_avg10": 0.01, "full_avg60": 0.02, "full_avg300": 0.03, "full_total": 44})
	stat("cpu  1 0 1 1 0 0 0 0 0 0\nbtime 5\n")
	if _, ok := inputtest.Gather(t, in).Find(t, "system").Number("cpu_total_usage"); ok {
		t.Error("a reset yields a use of the CPUs")
	}
}

// Linux 5.10 without connection tracking, and with utmp.
func TestOldKernel(t *testing.T) {
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture("testdata/linux-5.10"), time.Now), nil)
	got := inputtest.Gather(t, in)
	inputtest.Conforms(t, Factory().Spec, got.Records, false)
	equal(t, got.Find(t, "system"), map[string]float64{"n_users": 2, "n_cpus": 2, "process_count": 1})
	equal(t, got.Find(t, "pressure", "resource", "cpu"), map[string]float64{"some_avg10": 6.58, "some_total": 808859})
	if _, ok := got.Find(t, "pressure", "resource", "cpu").Number("full_avg10"); ok {
		t.Error("the CPU has a line full")
	}
	for _, r := range got.Records {
		if r.Measurement == "conntrack" {
			t.Error("there is no connection tracking")
		}
	}
}

// A kernel without the statistics still tells how full the table is.
func TestConntrackWithoutCounts(t *testing.T) {
	dir := copyTree(t, "linux-7.2")
	if err := os.Remove(filepath.Join(dir, "proc/1/net/stat/nf_conntrack")); err != nil {
		t.Fatal(err)
	}
	got := inputtest.Gather(t, inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(dir), time.Now), nil))
	inputtest.Conforms(t, Factory().Spec, got.Records, false)
	r := got.Find(t, "conntrack")
	equal(t, r, map[string]float64{"entries": 17, "entries_limit": 262144})
	if len(r.Fields) != 2 {
		t.Errorf("%+v", r.Fields)
	}
}

func TestOptions(t *testing.T) {
	in := inputtest.Build(t, Factory(), inputtest.Env(inputtest.Fixture("testdata/linux-5.10"), time.Now), func(c *Config) {
		c.Pressure, c.Tags = false, map[string]string{"zone": "a"}
	})
	got := inputtest.Gather(t, in)
	got.Find(t, "filefd", "zone", "a")
	if len(got.Records) != 2 {
		t.Errorf("%d points", len(got.Records))
	}
}

// One broken file does not hide the others.
func TestErrors(t *testing.T) {
	dir := copyTree(t, "linux-7.2")
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(dir), time.Now), nil)
	for _, tt := range []struct{ file, text, want string }{
		{"uptime", "x", "read uptime"}, {"pressure/io", "what\n", "read pressure"}, {"sys/fs/file-nr", "1", "read file-nr"},
	} {
		path := filepath.Join(dir, "proc", tt.file)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		s := &inputtest.Sink{}
		if err := in.Gather(t.Context(), s); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.file, err)
		}
		s.Find(t, "conntrack")
		if err := os.WriteFile(path, good, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "root/run/utmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := &inputtest.Sink{}
	if err := in.Gather(t.Context(), s); err == nil || !strings.Contains(err.Error(), "run/utmp") {
		t.Errorf("users: %v", err)
	}
	if _, known := s.Find(t, "system").Number("n_users"); known {
		t.Error("users are counted that nobody could read")
	}
	equal(t, s.Find(t, "system"), map[string]float64{"process_count": 3})
	nowhere := inputtest.Build[Config](t, Factory(), inputtest.Env(inputtest.Fixture(t.TempDir()), time.Now), nil)
	if err := nowhere.Gather(t.Context(), &inputtest.Sink{}); !os.IsNotExist(unwrapped(err)) {
		t.Errorf("without /proc: %v", err)
	}
}

func unwrapped(err error) error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()[0]
	}
	return err
}

func TestParse(t *testing.T) {
	for _, bad := range []string{"", "-3 1", "abc", "NaN"} {
		if _, err := parseUptime([]byte(bad)); err == nil {
			t.Errorf("uptime %q", bad)
		}
	}
	for _, bad := range []string{"", "some total=x\n", "some avg10=x\n", "most avg10=1\n", "\n"} {
		if _, err := parsePressure([]byte(bad)); err == nil {
			t.Errorf("pressure %q", bad)
		}
	}
	if !unavailable(&fs.PathError{Err: unix.EOPNOTSUPP}) || unavailable(unix.EIO) {
		t.Error("unavailable")
	}
	if countUtmp(make([]byte, 100)) != 0 {
		t.Error("a record that is cut")
	}
	wide := make([]byte, 800)
	wide[0], wide[401] = 7, 7 // the second as a big-endian machine writes it
	if countUtmp(wide) != 2 {
		t.Error("records of 400 bytes")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("some avg10=6.58 avg60=1.28 avg300=0.27 total=808859\n"))
	f.Add([]byte("123.45 6.7\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = parseUptime(data)
		if fields, err := parsePressure(data); err == nil && len(fields) == 0 {
			t.Error("nothing, and no error")
		}
		_ = countUtmp(data)
		_ = isUserSession(string(data))
	})
}

// TestAgainstTheMachine compares with sysinfo(2), ps and nproc.
func TestAgainstTheMachine(t *testing.T) {
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(hostfs.Root{}, time.Now), nil)
	got := inputtest.Gather(t, in)
	inputtest.Conforms(t, Factory().Spec, got.Records, false)
	system := got.Find(t, "system")
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		t.Fatal(err)
	}
	near := func(key string, want, tolerance float64) {
		t.Helper()
		if v, ok := system.Number(key); !ok || math.Abs(v-want) > tolerance {
			t.Errorf("%s = %v, want %v", key, v, want)
		}
	}
	near("uptime", float64(info.Uptime), 2)
	near("load1", float64(info.Loads[0])/65536, 0.5)
	near("load15", float64(info.Loads[2])/65536, 0.5)
	if out, err := exec.Command("nproc", "--all").Output(); err == nil {
		near("n_cpus", number(t, string(out)), 0)
	}
	if out, err := exec.Command("ps", "-e", "--no-headers", "-o", "pid").Output(); err == nil {
		near("process_count", float64(strings.Count(string(out), "\n")), 30)
	}
	if n, err := new(procfs.Reader).Number("/proc/sys/net/netfilter/nf_conntrack_max"); err == nil {
		if v, _ := got.Find(t, "conntrack").Number("entries_limit"); v != float64(n) {
			t.Errorf("entries_limit %v, want %d", v, n)
		}
	}
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func BenchmarkGather(b *testing.B) {
	in := inputtest.Build[Config](b, Factory(), inputtest.Env(hostfs.Root{}, time.Now), nil)
	for b.Loop() {
		if err := in.Gather(b.Context(), &inputtest.Sink{}); err != nil {
			b.Fatal(err)
		}
	}
}
