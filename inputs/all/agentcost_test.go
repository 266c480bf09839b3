package all

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkAgent: memory and CPU time of the agent as a whole, process by
// process, with the seed's list of inputs at their defaults, 10 s, delivering
// to the local store. One op is one interval.
func BenchmarkAgent(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root, for the collector in the kernel")
	}
	home := filepath.Join(b.TempDir(), "home")
	for _, p := range []string{"datakit", "externals/datakit-ebpf", "externals/datakit-container"} {
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(home, p), "../../"+p)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			b.Fatalf("build %s: %v\n%s", p, err, out)
		}
	}
	for name, list := range map[string]string{"host inputs": strings.ReplaceAll(seedList, ",container,ebpf", ""), "all": seedList} {
		b.Run(name, func(b *testing.B) {
			cmd := exec.Command(filepath.Join(home, "datakit"), "run", "--home", home)
			cmd.Env = []string{"ENV_ENABLE_INPUTS=" + list, "ENV_HTTP_LISTEN=127.0.0.1:0", "ENV_ENABLE_PPROF=no", "ENV_ULIMIT=0", "ENV_INPUT_CONTAINER_ENDPOINTS=unix:///nowhere.sock"}
			var log bytes.Buffer
			cmd.Stdout, cmd.Stderr = &log, &log
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			defer func() {
				_ = cmd.Process.Signal(unix.SIGTERM)
				if err := cmd.Wait(); err != nil {
					b.Errorf("%v\n%s", err, log.String())
				}
			}()
			time.Sleep(25 * time.Second) // the queue, two gatherings
			family := familyOf(cmd.Process.Pid)
			before := map[int]time.Duration{}
			for _, pid := range family {
				before[pid] = cpuOf(b, pid)
			}
			for b.Loop() {
				time.Sleep(10 * time.Second)
			}
			var memory float64
			var spent time.Duration
			for name, pid := range family {
				rss := rssOf(b, pid)
				cpu := cpuOf(b, pid) - before[pid]
				memory, spent = memory+rss, spent+cpu
				b.ReportMetric(rss, name+"-MB")
				b.ReportMetric(float64(cpu)/float64(time.Millisecond)/float64(b.N), name+"-cpu-ms/op")
			}
			b.ReportMetric(memory, "all-MB")
			b.ReportMetric(float64(spent)/float64(time.Millisecond)/float64(b.N), "all-cpu-ms/op")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// familyOf lists a process and its children by name.
func familyOf(pid int) map[string]int {
	family := map[string]int{"datakit": pid}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for child := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(child); err == nil {
				exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", n))
				family[filepath.Base(exe)] = n
			}
		}
	}
	return family
}

// rssOf is the resident memory of a process in MB (10^6).
func rssOf(t testing.TB, pid int) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * float64(os.Getpagesize()) / 1e6
}
