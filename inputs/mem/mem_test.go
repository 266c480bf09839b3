package mem

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/hostfs"
)

func gather(t testing.TB, fs hostfs.Root) inputtest.Record {
	t.Helper()
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(fs, time.Now), nil)
	return inputtest.Gather(t, in).Find(t, "mem")
}

// Every kernel yields every field, and the values are those that
// prometheus/procfs reads.
func TestKernels(t *testing.T) {
	trees, err := filepath.Glob("testdata/*")
	if err != nil || len(trees) < 4 {
		t.Fatal(trees, err)
	}
	for _, tree := range trees {
		t.Run(filepath.Base(tree), func(t *testing.T) {
			got := gather(t, inputtest.Fixture(tree))
			inputtest.Conforms(t, Factory().Spec, []inputtest.Record{got}, true)
			fs, err := procfs.NewFS(filepath.Join(tree, "proc"))
			if err != nil {
				t.Fatal(err)
			}
			want, err := fs.Meminfo()
			if err != nil {
				t.Fatal(err)
			}
			for key, w := range map[string]*uint64{
				"total": want.MemTotalBytes, "free": want.MemFreeBytes, "available": want.MemAvailableBytes, "active": want.ActiveBytes,
				"inactive": want.InactiveBytes, "buffered": want.BuffersBytes, "cached": want.CachedBytes, "commit_limit": want.CommitLimitBytes,
				"committed_as": want.CommittedASBytes, "dirty": want.DirtyBytes,
				"huge_pages_free": want.HugePagesFree, "huge_pages_size": want.HugepagesizeBytes, "huge_page_total": want.HugePagesTotal,
				"mapped": want.MappedBytes, "page_tables": want.PageTablesBytes,
				"shared": want.ShmemBytes, "slab": want.SlabBytes, "sreclaimable": want.SReclaimableBytes, "sunreclaim": want.SUnreclaimBytes,
				"swap_cached": want.SwapCachedBytes, "swap_free": want.SwapFreeBytes, "swap_total": want.SwapTotalBytes,
				"vmalloc_chunk": want.VmallocChunkBytes, "vmalloc_total": want.VmallocTotalBytes, "vmalloc_used": want.VmallocUsedBytes,
				"write_back": want.WritebackBytes, "write_back_tmp": want.WritebackTmpBytes,
			} {
				v, _ := got.Number(key)
				if w != nil && v != float64(*w) {
					t.Errorf("%s = %v, want %d", key, v, *w)
				}
			}
		})
	}
}

func TestComputed(t *testing.T) {
	old := gather(t, inputtest.Fixture("testdata/linux-2.6.32-i686"))
	total, available := 2065528.0, 126124.0+211660+1142264
	for key, want := range map[string]float64{
		"available": available * 1024, "used": (total - available) * 1024,
		"used_percent": 100 * (total - available) / total, "available_percent": 100 * available / total, "low_total": 886320 * 1024,
	} {
		if v, _ := old.Number(key); math.Abs(v-want) > 1e-6 {
			t.Errorf("%s = %v, want %v", key, v, want)
		}
	}
	now := gather(t, inputtest.Fixture("testdata/linux-6.18"))
	for a, b := range map[string]string{"low_total": "total", "low_free": "free"} {
		x, _ := now.Number(a)
		if y, _ := now.Number(b); x != y {
			t.Errorf("%s %v is not %s %v", a, x, b, y)
		}
	}
	if v, _ := now.Number("high_total"); v != 0 {
		t.Errorf("high_total %v", v)
	}
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	in := inputtest.Build[Config](t, Factory(), inputtest.Env(hostfs.Root{ProcDir: dir}, time.Now), nil)
	if err := in.Gather(t.Context(), &inputtest.Sink{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "meminfo"), []byte("MemFree: 1 kB\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := in.Gather(t.Context(), &inputtest.Sink{}); err == nil || !strings.Contains(err.Error(), "no MemTotal") {
		t.Errorf("error %v", err)
	}
	if err := (&Config{Interval: time.Millisecond}).Validate(); err == nil {
		t.Error("a millisecond is allowed")
	}
}

// TestAgainstTheMachine compares with sysinfo(2) and free(1).
func TestAgainstTheMachine(t *testing.T) {
	got := gather(t, hostfs.Root{})
	inputtest.Conforms(t, Factory().Spec, []inputtest.Record{got}, true)
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		t.Fatal(err)
	}
	unit := float64(info.Unit)
	near(t, got, "total", float64(info.Totalram)*unit, 0)
	near(t, got, "swap_total", float64(info.Totalswap)*unit, 0)
	near(t, got, "free", float64(info.Freeram)*unit, 1<<30)
	out, err := exec.Command("free", "--bytes").Output()
	if err != nil {
		t.Logf("free of procps does not run: %v", err)
		return
	}
	// Mem: total used free shared buff/cache available
	for line := range strings.Lines(string(out)) {
		if w := strings.Fields(line); w[0] == "Mem:" {
			for key, column := range map[string]int{"total": 1, "available": 6, "shared": 4} {
				want, err := strconv.ParseFloat(w[column], 64)
				if err != nil {
					t.Fatal(err)
				}
				near(t, got, key, want, 1<<30)
			}
		}
	}
}

// near allows for what programs do between two readings.
func near(t *testing.T, r inputtest.Record, key string, want, tolerance float64) {
	t.Helper()
	if v, ok := r.Number(key); !ok || math.Abs(v-want) > tolerance {
		t.Errorf("%s = %v, want %v", key, v, want)
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
