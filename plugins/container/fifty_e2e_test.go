//go:build e2e

package container

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkFiftyRunning: the program itself beside fifty containers of a real
// containerd, with metrics every 10 s, discovery of logs every 10 s, and a log
// to each. One op is 10 s.
func BenchmarkFiftyRunning(b *testing.B) {
	d := startContainerd(b)
	const containers = 50
	for i := range containers {
		id := fmt.Sprintf("c%d", i)
		d.run(id, []string{"--log-uri", "file://" + d.dir + "/" + id + ".log"}, "count", "100000", "100000") // ten lines a second
	}
	posted := 0
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		posted += int(n)
	}))
	defer server.Close()
	program := filepath.Join(d.dir, "datakit-container")
	if out, err := exec.Command("go", "build", "-o", program, "../../externals/datakit-container").CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	if err := os.WriteFile(d.dir+"/block.toml", []byte("[[inputs.container]]\ninterval = \"10s\"\nlogging_search_interval = \"10s\"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(program, "run", "--datakit-apiserver", strings.TrimPrefix(server.URL, "http://"), "--endpoints", d.socket,
		"--state-dir", d.dir+"/state-dk", "--config", d.dir+"/block.toml")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	time.Sleep(15 * time.Second)
	before := ticks(b, cmd.Process.Pid)
	for b.Loop() {
		time.Sleep(10 * time.Second)
	}
	spent := ticks(b, cmd.Process.Pid) - before
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	pages, _ := strconv.Atoi(strings.Fields(string(statm))[1])
	_ = cmd.Process.Signal(unix.SIGTERM)
	if err := cmd.Wait(); err != nil || posted == 0 {
		b.Errorf("%v, %d bytes posted\n%s", err, posted, log.String())
	}
	b.ReportMetric(float64(spent*10)/float64(b.N), "cpu-ms/op")
	b.ReportMetric(float64(pages*os.Getpagesize())/1e6, "MB")
	b.ReportMetric(0, "ns/op")
}

// ticks is the CPU time of a process in 1/100 s (proc_pid_stat(5)).
func ticks(t testing.TB, pid int) (sum int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	for _, w := range words[11:13] {
		n, err := strconv.Atoi(w)
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	return sum
}
