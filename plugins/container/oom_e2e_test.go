//go:build e2e

package container

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/plugins"
)

// kernelKills is how many processes the kernel has killed for want of memory,
// on the whole machine.
func kernelKills(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			kills, err := strconv.Atoi(strings.TrimSpace(n))
			if err != nil {
				t.Fatal(err)
			}
			return kills
		}
	}
	t.Skip("the kernel does not count kills (oom_kill in /proc/vmstat, since Linux 4.13)")
	return 0
}

// TestOOM: the kernel kills for want of memory the only process of one
// container, which is removed at once, and a second process of another, which
// goes on. Each is told once.
func TestOOM(t *testing.T) {
	d := startContainerd(t)
	p, sink := start(t, plugins.Container{Endpoints: []string{"unix://" + d.socket}})
	p.once(t, sink) // from now on it hears of kills
	limit := []string{"--memory-limit", fmt.Sprint(32 << 20)}
	d.run("survivor", limit, "sleep")
	d.run("victim", limit, "hunger", "3000") // eats after that many milliseconds
	p.once(t, sink)                          // it is known, and by name
	if got := sink.ids(plugins.KeyEvent); len(got) > 0 {
		t.Fatalf("events %v before anything happened", got)
	}
	if n := sink.get(t, plugins.Metric, "survivor").number(t, "oom_kills"); n != 0 {
		t.Errorf("%v kills before anything happened", n)
	}
	before := kernelKills(t)
	if out, err := d.try("task", "exec", "--exec-id", "e", "survivor", "/box", "eat"); err == nil {
		t.Fatalf("memory beyond the limit was granted: %s", out)
	}
	for end := time.Now().Add(20 * time.Second); kernelKills(t) < before+2; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the kernel killed %d processes, want 2", kernelKills(t)-before)
		}
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := d.try("task", "delete", "victim"); err == nil {
			break
		} else if time.Now().After(end) {
			t.Fatal(err)
		}
	}
	d.ctr("containers", "delete", "victim")

	sink.reset()
	for end := time.Now().Add(5 * time.Second); len(sink.ids(plugins.KeyEvent)) < 2 && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		p.once(t, sink)
	}
	for range 3 { // nothing is told twice
		p.once(t, sink)
	}
	if got := sink.ids(plugins.KeyEvent); fmt.Sprint(got) != "[survivor victim]" {
		t.Fatalf("events of %v, want survivor and victim", got)
	}
	victim, survivor := sink.get(t, plugins.KeyEvent, "victim"), sink.get(t, plugins.KeyEvent, "survivor")
	if victim.tag("state") != "exited" || victim.tag("image_short_name") != "box" || survivor.tag("state") != "running" || victim.tag("event") != "container_oom" {
		t.Errorf("%+v\n%+v", victim, survivor)
	}
	if at := time.Unix(0, victim.Time); time.Since(at) > time.Minute || time.Since(at) < 0 {
		t.Errorf("told for %v", at)
	}
	kernel := 0
	for line := range strings.Lines(d.file("survivor", "memory.oom_control", "memory.events")) {
		if n, ok := strings.CutPrefix(line, "oom_kill "); ok {
			kernel, _ = strconv.Atoi(strings.TrimSpace(n))
		}
	}
	if n := sink.get(t, plugins.Metric, "survivor").number(t, "oom_kills"); kernel != 1 || n != 1 {
		t.Errorf("%v kills in the survivor, the kernel says %d", n, kernel)
	}
	sink.conforms(t)
}
