//go:build e2e

package container

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/plugins"
)

// file reads one file of the cgroup of a container, in whichever version this
// machine uses: the oracle is the kernel, read on another way than the
// plugin's.
func (d *daemon) file(id string, names ...string) string {
	d.t.Helper()
	for _, name := range names {
		for _, at := range []string{"cpu", "cpuacct", "memory", "blkio", "unified", ""} {
			if text, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", at, d.space, id, name)); err == nil {
				return strings.TrimSpace(string(text))
			}
		}
	}
	d.t.Fatalf("container %s has no %v", id, names)
	return ""
}

func (d *daemon) number(id string, names ...string) float64 {
	d.t.Helper()
	n, err := strconv.ParseFloat(d.file(id, names...), 64)
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// seconds of CPU that a container has used.
func (d *daemon) cpu(id string) float64 {
	d.t.Helper()
	text := d.file(id, "cpuacct.usage", "cpu.stat")
	if ns, err := strconv.ParseFloat(text, 64); err == nil {
		return ns / 1e9
	}
	us, err := strconv.ParseFloat(strings.Fields(text)[1], 64)
	if err != nil {
		d.t.Fatal(err)
	}
	return us / 1e6
}

func TestContainerdMetrics(t *testing.T) {
	d := startContainerd(t)
	d.run("burner", []string{"--memory-limit", fmt.Sprint(256 << 20), "--cpus", "0.5", "--label", "io.kubernetes.pod.name=web-1", "--label", "io.kubernetes.pod.namespace=shop", "--label", "io.kubernetes.container.name=web"}, "burn", "64")
	d.run("idle", nil, "sleep")
	d.run("hosted", []string{"--net-host"}, "sleep")
	d.run("crasher", nil, "crash", "0")
	p, sink := start(t, plugins.Container{Endpoints: []string{"unix://" + d.socket, "unix:///nowhere.sock"}})

	time.Sleep(time.Second) // the burner takes its memory
	before, began := d.cpu("burner"), time.Now()
	p.once(t, sink)
	time.Sleep(2 * time.Second)
	sink.reset()
	low := d.cpu("burner") - before
	p.once(t, sink)
	took := time.Since(began)
	high := d.cpu("burner") - before

	if got := sink.ids(plugins.Metric); fmt.Sprint(got) != "[burner hosted idle]" {
		t.Fatalf("metrics of %v, want burner, hosted and idle", got)
	}
	burner := sink.get(t, plugins.Metric, "burner")
	used := burner.number(t, "cpu_usage") / 100 * 2 // about two seconds passed
	if used < low*.9 || used > high*1.1 {
		t.Errorf("CPU %v s in about 2 s, the kernel says %v to %v s in %v", used, low, high, took)
	}
	if n := burner.number(t, "cpu_limit_millicores"); n != 500 {
		t.Errorf("limit of %v millicores, want 500", n)
	}
	if n, want := burner.number(t, "cpu_usage_base_limit"), 100*burner.number(t, "cpu_usage_millicores")/500; n < want-1 || n > want+1 {
		t.Errorf("CPU is at %v %% of its limit, want %v", n, want)
	}
	inactive := 0.0
	for line := range strings.Lines(d.file("burner", "memory.stat")) {
		if f := strings.Fields(line); f[0] == "total_inactive_file" || f[0] == "inactive_file" {
			inactive, _ = strconv.ParseFloat(f[1], 64)
		}
	}
	want := d.number("burner", "memory.usage_in_bytes", "memory.current") - inactive
	if got := burner.number(t, "mem_usage"); got < want*.97 || got > want*1.03 || got < 64<<20 {
		t.Errorf("memory %v, the kernel says %v", got, want)
	}
	if n := burner.number(t, "mem_limit"); n != 256<<20 {
		t.Errorf("memory limit %v", n)
	}
	for key, want := range map[string]string{
		"container_name": "web", "container_runtime_name": "burner", "pod_name": "web-1", "namespace": "shop", "container_type": "kubernetes",
		"image": testImage, "image_name": "example.test/tools/box", "image_short_name": "box", "image_tag": "1", "state": "running", "container_runtime": "containerd",
	} {
		if got := burner.tag(key); got != want {
			t.Errorf("tag %s is %q, want %q", key, got, want)
		}
	}
	if idle := sink.get(t, plugins.Metric, "idle"); idle.number(t, "cpu_usage") > 5 || idle.tag("pod_name") != "" {
		t.Errorf("idle: %+v", idle)
	}
	if _, ok := sink.get(t, plugins.Metric, "hosted").field("network_bytes_rcvd"); ok {
		t.Error("a container in the host's network reports the host's traffic")
	}
	if n := sink.get(t, plugins.Metric, "idle").number(t, "network_bytes_rcvd"); n != 0 {
		t.Errorf("a container without interfaces received %v bytes", n)
	}
	sink.conforms(t)
}

// Containers that end between two gathers, by themselves or killed by the
// kernel, vanish; others stay.
func TestContainersThatEnd(t *testing.T) {
	d := startContainerd(t)
	p, sink := start(t, plugins.Container{Endpoints: []string{"unix://" + d.socket}})
	p.once(t, sink) // no container, not even a namespace
	d.run("stays", nil, "sleep")
	d.run("stopped", nil, "sleep")
	d.run("eater", []string{"--memory-limit", fmt.Sprint(32 << 20)}, "sleep")
	p.once(t, sink)
	if got := sink.ids(plugins.Metric); fmt.Sprint(got) != "[eater stays stopped]" {
		t.Fatalf("metrics of %v", got)
	}
	d.ctr("task", "kill", "-s", "KILL", "stopped")
	if out, err := d.try("task", "exec", "--exec-id", "e", "eater", "/box", "eat"); err == nil {
		t.Fatalf("memory beyond the limit was granted: %s", out)
	}
	d.ctr("task", "kill", "-s", "KILL", "eater")
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		sink.reset()
		p.once(t, sink)
		if fmt.Sprint(sink.ids(plugins.Metric)) == "[stays]" {
			break
		}
	}
	if got := sink.ids(plugins.Metric); fmt.Sprint(got) != "[stays]" {
		t.Errorf("metrics of %v, want stays", got)
	}
}

// reset forgets what came.
func (s *sink) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.all)
}
