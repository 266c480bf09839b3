package all

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/host_processes"
	"datakit.dev/agent/inputs/inputtest"
	"datakit.dev/agent/internal/procfs"
)

// BenchmarkCPU: CPU-milliseconds of one gathering of cpu, mem, disk, diskio,
// net and system, and with host_processes, beside a scrape of node_exporter
// with the same subjects in the same run. node_exporter counts processes, it
// does not list them.
func BenchmarkCPU(b *testing.B) {
	host := []string{"cpu", "mem", "disk", "diskio", "net", "system"}
	everyProcess := map[string]func(any){"host_processes": func(cfg any) {
		c := cfg.(*hostprocesses.Config)
		c.OpenMetric, c.MinRunTime, c.MetricInterval = true, 0, 1
	}}
	b.Run("inputs", func(b *testing.B) { gatherAll(b, gatherers(b, nil, host...)) })
	b.Run("inputs and processes", func(b *testing.B) { gatherAll(b, gatherers(b, everyProcess, append(host, "host_processes")...)) })
	b.Run("node_exporter", func(b *testing.B) { scrapeAll(b, startExporter(b)) })
	b.Run("node_exporter and processes", func(b *testing.B) { scrapeAll(b, startExporter(b, "processes")) })
}

func gatherAll(b *testing.B, ins []inputs.Input) {
	points := 0
	began := ownCPU(b)
	for b.Loop() {
		points = 0
		for _, in := range ins {
			s := &inputtest.Sink{}
			_ = in.Gather(context.Background(), s)
			points += len(s.Records)
		}
	}
	b.ReportMetric(float64(ownCPU(b)-began)/float64(time.Millisecond)/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(points), "points/op")
}

func scrapeAll(b *testing.B, e exporter) {
	samples := 0
	began := cpuOf(b, e.pid)
	for b.Loop() {
		samples = len(e.scrape(b))
	}
	b.ReportMetric(float64(cpuOf(b, e.pid)-began)/float64(time.Millisecond)/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(samples), "points/op")
}

func ownCPU(t testing.TB) time.Duration {
	t.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// cpuOf reads the CPU time of another process, to 10 ms.
func cpuOf(t testing.TB, pid int) time.Duration {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	var ticks uint64
	for _, w := range words[11:13] {
		n, ok := procfs.Uint([]byte(w))
		if !ok {
			t.Fatalf("%q is no time", w)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
