package container

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/plugins"
)

// discard takes points.
type discard struct{}

func (discard) Feed(context.Context, plugins.Category, []plugins.Point) error { return nil }

// BenchmarkFifty: one gathering of metrics with fifty containers, the runtime
// included, which answers as Docker does: one question for the list, one for
// each container. The cgroups are files of version 2.
func BenchmarkFifty(b *testing.B) {
	dir, err := os.MkdirTemp("", "dkb") // b.TempDir is too long for a socket
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	put := func(name, text string) {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	put("proc/stat", "cpu 1 0 0 1\ncpu0 1 0 0 1\n")
	put("proc/meminfo", "MemTotal: 1000 kB\n")
	put("proc/1/ns/x", "")
	if err := os.Symlink("net:[1]", dir+"/proc/1/ns/net"); err != nil {
		b.Fatal(err)
	}
	const containers = 50
	answers := map[string]string{"/version": `{"Version":"27.0","ApiVersion":"1.46"}`}
	var list []string
	for i := range containers {
		id := fmt.Sprintf("%064d", i)
		list = append(list, fmt.Sprintf(`{"Id":%q}`, id))
		answers["/containers/"+id+"/json"] = fmt.Sprintf(`{"Id":%q,"Name":"/web","State":{"Status":"running","Running":true,"Pid":%d},"Config":{"Image":"nginx:1","Labels":{"a":"b"}}}`, id, 100+i)
		p := fmt.Sprintf("proc/%d", 100+i)
		put(p+"/cgroup", "0::/docker/"+id+"\n")
		put(p+"/net/dev", "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n  eth0: 1 1 0 0 0 0 0 0 2 2 0 0 0 0 0 0\n")
		put(p+"/ns/x", "")
		if err := os.Symlink(fmt.Sprintf("net:[%d]", 1000+i), filepath.Join(dir, p, "ns/net")); err != nil {
			b.Fatal(err)
		}
		c := "sys/fs/cgroup/docker/" + id
		put(c+"/cpu.stat", "usage_usec 1500000\nuser_usec 1000000\n")
		put(c+"/cpu.max", "150000 100000\n")
		put(c+"/memory.current", "10000\n")
		put(c+"/memory.max", "65536\n")
		put(c+"/memory.events", "oom_kill 0\n")
		put(c+"/memory.stat", strings.Repeat("anon 1\n", 30)+"inactive_file 4000\n")
		put(c+"/io.stat", "8:0 rbytes=10 wbytes=20 rios=1 wios=1 dbytes=0 dios=0\n")
	}
	answers["/containers/json?all=1"] = "[" + strings.Join(list, ",") + "]"
	l, err := net.Listen("unix", dir+"/d.sock")
	if err != nil {
		b.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, answers[r.URL.RequestURI()]) })}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	b.Cleanup(func() { _ = s.Close(); <-done })

	cfg := plugins.Container{Endpoints: []string{"unix://" + dir + "/d.sock"}}
	p, err := build(&cfg, plugins.Env{Log: slog.New(slog.DiscardHandler), Now: time.Now, FS: hostfs.Root{ProcDir: dir + "/proc", SysDir: dir + "/sys"}})
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Load(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = p.Close() }()
	var before, after unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &before); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := p.gather(b.Context(), discard{}, time.Now(), work{metrics: true}); err != nil {
			b.Fatal(err)
		}
	}
	if err := unix.Getrusage(unix.RUSAGE_SELF, &after); err != nil {
		b.Fatal(err)
	}
	if p.found != containers {
		b.Fatalf("%d containers were found: %s", p.found, p.problem)
	}
	spent := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
	b.ReportMetric(float64(spent)/1e6/float64(b.N), "cpu-ms/op")
}
