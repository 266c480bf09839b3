package swap

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/hostfs"
)

func gather(t testing.TB, fs hostfs.Root) inputtest.Record {
	t.Helper()
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(fs, time.Now), nil)
	got := inputtest.Gather(t, in).Find(t, "swap")
	inputtest.Conforms(t, Factory().Spec, []inputtest.Record{got}, true)
	return got
}

func TestKernels(t *testing.T) {
	page := float64(os.Getpagesize())
	for tree, want := range map[string]map[string]float64{
		"swapping": {"total": 2097148 << 10, "free": 524287 << 10, "used": (2097148 - 524287) << 10,
			"used_percent": 100 * (2097148.0 - 524287) / 2097148, "in": 1234 * page, "out": 56789 * page},
		"linux-5.10": {"total": 0, "free": 0, "used": 0, "used_percent": 0, "in": 0, "out": 0},
	} {
		got := gather(t, inputtest.Fixture("testdata/"+tree))
		for key, w := range want {
			if v, _ := got.Number(key); v != w {
				t.Errorf("%s: %s = %v, want %v", tree, key, v, w)
			}
		}
	}
}

func TestVmstat(t *testing.T) {
	tests := map[string]struct {
		text    string
		in, out uint64
		bad     bool
	}{
		"both":         {"nr_x 3\npswpin 1\npswpout 2\npgfault 9\n", 1, 2, false},
		"without swap": {"nr_x 3\n", 0, 0, false},
		"garbage":      {"pswpin x\n", 0, 0, true},
		"cut":          {"pswpin", 0, 0, true},
	}
	for name, tt := range tests {
		in, out, err := parseVmstat([]byte(tt.text))
		if in != tt.in || out != tt.out || (err != nil) != tt.bad {
			t.Errorf("%s: %d %d %v", name, in, out, err)
		}
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(hostfs.Root{ProcDir: dir}, time.Now), nil)
	gather := func() error { return in.Gather(t.Context(), &inputtest.Sink{}) }
	if err := gather(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	for _, step := range []struct{ file, text, want string }{
		{"meminfo", "x\n", "no MemTotal"}, {"meminfo", "MemTotal: 1 kB\n", "vmstat"}, {"vmstat", "pswpin -\n", "not a number"},
	} {
		if err := os.WriteFile(filepath.Join(dir, step.file), []byte(step.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := gather(); err == nil || !strings.Contains(err.Error(), step.want) {
			t.Errorf("error %v, want %q", err, step.want)
		}
	}
}

func TestAgainstTheMachine(t *testing.T) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		t.Fatal(err)
	}
	got := gather(t, hostfs.Root{})
	if v, _ := got.Number("total"); v != float64(info.Totalswap)*float64(info.Unit) {
		t.Errorf("total %v, sysinfo %d", v, info.Totalswap)
	}
}

func BenchmarkGather(b *testing.B) {
	in := inputtest.Build[Config](b, Factory(), inputtest.Env(hostfs.Root{}, time.Now), nil)
	for b.Loop() {
		if err := in.Gather(b.Context(), &inputtest.Sink{}); err != nil {
			b.Fatal(err)
		}
	}
}
