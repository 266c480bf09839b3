package container

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/container/cgroup"
	"datakit.dev/agent/plugins/container/runtimes"
)

func TestSchedule(t *testing.T) {
	s := schedule{every: time.Minute}
	at := time.Date(2026, 1, 1, 12, 0, 50, 0, time.UTC)
	if !s.due(at) || s.due(at.Add(9*time.Second)) {
		t.Error("not due at first and then no more")
	}
	if got := s.next(at); got != 10*time.Second {
		t.Errorf("next in %v, want 10s", got)
	}
	if !s.due(at.Add(10 * time.Second)) {
		t.Error("not due at the full minute")
	}
	if s.off = true; s.due(at.Add(time.Hour)) {
		t.Error("due although off")
	}
}

// write sets a file of a host made of files.
func write(t *testing.T, dir, name, text string) {
	t.Helper()
	name = filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "proc/7/cgroup", "0::/c\n")
	write(t, dir, "sys/fs/cgroup/c/cpu.stat", "usage_usec 1000000\n")
	write(t, dir, "sys/fs/cgroup/c/cpu.max", "200000 100000\n")
	write(t, dir, "sys/fs/cgroup/c/memory.current", "2048\n")
	write(t, dir, "sys/fs/cgroup/c/memory.max", "4096\n")
	write(t, dir, "sys/fs/cgroup/c/memory.stat", "inactive_file 1024\n")
	for pid, ns := range map[string]string{"1": "net:[1]", "7": "net:[1]"} {
		write(t, dir, "proc/"+pid+"/ns/x", "")
		if err := os.Symlink(ns, filepath.Join(dir, "proc", pid, "ns", "net")); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Unix(1000, 0)
	root := hostfs.Root{ProcDir: dir + "/proc", SysDir: dir + "/sys"}
	m := meter{read: cgroup.NewReader(root), host: machine{cores: 4, memory: 8192}, now: func() time.Time { return at }}
	gather := func(c runtimes.Container) (got, bool) {
		m.begin()
		defer m.end()
		fields, ok, err := m.fields(c)
		if err != nil {
			t.Fatal(err)
		}
		return got{plugins.Point{Fields: fields}}, ok
	}
	c := runtimes.Container{ID: "a", PID: 7}
	first, _ := gather(c)
	if _, ok := first.field("cpu_usage"); ok {
		t.Error("a rate from one reading")
	}
	for key, want := range map[string]float64{"cpu_numbers": 4, "cpu_limit_millicores": 2000, "mem_usage": 1024, "mem_capacity": 8192,
		"mem_limit": 4096, "mem_used_percent": 12.5, "mem_used_percent_base_limit": 25} {
		if n := first.number(t, key); n != want {
			t.Errorf("%s is %v, want %v", key, n, want)
		}
	}
	at = at.Add(10 * time.Second)
	write(t, dir, "sys/fs/cgroup/c/cpu.stat", "usage_usec 6000000\n")
	second, _ := gather(c)
	for key, want := range map[string]float64{"cpu_usage": 50, "cpu_usage_base100": 12.5, "cpu_usage_millicores": 500, "cpu_usage_base_limit": 25} {
		if n := second.number(t, key); n != want {
			t.Errorf("%s is %v, want %v", key, n, want)
		}
	}
	// A container that was started again counts from zero.
	at = at.Add(10 * time.Second)
	write(t, dir, "sys/fs/cgroup/c/cpu.stat", "usage_usec 1\n")
	third, _ := gather(c)
	if _, ok := third.field("cpu_usage"); ok {
		t.Error("a rate over a restart")
	}
	if _, ok := gather(runtimes.Container{ID: "b", PID: 8}); ok {
		t.Error("a container that is gone was read")
	}
}

func TestObjectConforms(t *testing.T) {
	s := newSink()
	at := time.Unix(2000, 0)
	c := runtimes.Container{ID: "a", Name: "n", RuntimeName: "n", Type: "standalone", State: "running", Created: time.Unix(1990, 0),
		Labels: map[string]string{"team": "x"}}
	fields := []plugins.Field{{Key: "cpu_numbers", Value: plugins.Int(2)}, {Key: "cpu_usage", Value: plugins.Float(.5)}}
	if err := s.Feed(t.Context(), plugins.Object, []plugins.Point{objectPoint(c, fields, at)}); err != nil {
		t.Fatal(err)
	}
	s.conforms(t)
	o := s.get(t, plugins.Object, "a")
	if o.number(t, "age") != 10 || o.tag("status") != "running" {
		t.Errorf("got %+v", o)
	}
	message, _ := o.field("message")
	want := `{"age":10,"container_id":"a","container_name":"n","container_runtime":"","container_runtime_name":"n","container_runtime_version":"","container_type":"standalone","cpu_numbers":2,"cpu_usage":0.5,"image":"","image_name":"","image_short_name":"","image_tag":"","labels":{"team":"x"},"name":"a","namespace":"","pod_name":"","pod_uid":"","state":"running","status":"running"}`
	if message.AsString() != want {
		t.Errorf("message\n%s\nwant\n%s", message.AsString(), want)
	}
}

// Without a runtime the plugin waits for one, and says so.
func TestNoRuntime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, s := start(t, plugins.Container{Endpoints: []string{"unix:///nowhere.sock"}, Interval: time.Minute, ObjectInterval: time.Minute, EnableContainerMetric: true})
		p.once(t, s)
		if len(s.ids(plugins.Metric)) != 0 {
			t.Error("points out of nothing")
		}
		hooks := p.Hooks()
		if len(hooks) != 1 || hooks[0].OK || hooks[0].Reason != "no container runtime found" {
			t.Errorf("hooks %+v", hooks)
		}
	})
}

// A socket that nobody listens on any more is reported, and keeps nobody from
// following the logs of the other runtimes.
func TestOneOfTwoRuntimes(t *testing.T) {
	dir, err := os.MkdirTemp("", "dk") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir + "/dead.sock"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "a.log", `{"log":"hello\n","stream":"stdout","time":"2026-01-01T00:00:00Z"}`+"\n")
	answers := map[string]string{
		"/version": `{"Version":"27.0","ApiVersion":"1.46"}`, "/containers/json": `[{"Id":"a","State":"exited"}]`,
		"/containers/a/json": `{"Id":"a","Name":"/web","LogPath":"` + dir + `/a.log","State":{"Status":"exited"},"HostConfig":{"LogConfig":{"Type":"json-file"}}}`,
	}
	live, err := net.Listen("unix", dir+"/live.sock")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, answers[r.URL.Path]) })}
	served := make(chan error, 1)
	go func() { served <- server.Serve(live) }()
	t.Cleanup(func() { _ = server.Close(); <-served })

	p, s := start(t, plugins.Container{
		Endpoints: []string{dir + "/dead.sock", dir + "/live.sock"}, Interval: time.Minute, ObjectInterval: time.Minute,
		EnableContainerLog: true, LoggingFileFromBeginning: true, LoggingMaxEntry: 1000, LoggingMaxOpenFiles: 10, StateDir: dir + "/state", LoggingSearchInterval: time.Minute,
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx, s) }()
	for len(s.ids(plugins.Logging)) == 0 && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := s.ids(plugins.Logging); len(got) != 1 {
		t.Errorf("%d lines arrived, want 1", len(got))
	}
	if h := p.Hooks(); !strings.Contains(h[len(h)-1].Reason, "dead.sock") {
		t.Errorf("the dead socket is not reported: %+v", h)
	}
}

func TestBadEndpoint(t *testing.T) {
	for _, e := range []string{"http://127.0.0.1:2375", "run/x.sock", ""} {
		if _, err := build(&plugins.Container{Endpoints: []string{e}}, plugins.Env{}); err == nil {
			t.Errorf("%q is taken", e)
		}
	}
}

func TestMachine(t *testing.T) {
	m, err := readMachine(hostfs.Root{})
	if err != nil || m.cores < 1 || m.memory < 1<<20 {
		t.Errorf("got %+v, %v", m, err)
	}
	dir := t.TempDir()
	write(t, dir, "meminfo", "MemTotal: 8 kB\n")
	for text, want := range map[string]machine{"cpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\nintr 5\n": {cores: 2, memory: 8192}, "cpu  1 2 3 4\n": {}, "cpu": {}, "": {}} {
		write(t, dir, "stat", text)
		if m, err := readMachine(hostfs.Root{ProcDir: dir}); m != want || (err == nil) != (want.cores > 0) {
			t.Errorf("%q: %+v, %v", text, m, err)
		}
	}
}
