package ebpfnet

import (
	"testing"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/plugins"
)

// TestWithoutMountedCgroups: on a host with cgroup v1 alone the hooks on
// sockets attach all the same.
func TestWithoutMountedCgroups(t *testing.T) {
	w := newWorld(t)
	watch := observe(t, w, func(c *plugins.EBPF) { c.L7NetEnabled = []string{"httpflow"} }, func(p *Plugin) {
		p.env.FS = hostfs.Root{SysDir: t.TempDir()}
	})
	if watch.p.cgroups == nil {
		t.Fatal("no mount of its own")
	}
	for _, h := range watch.p.Hooks() {
		if !h.OK {
			t.Errorf("%s at %s: %s", h.Feature, h.Attach, h.Reason)
		}
	}
}
