package supervisor

import (
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/limit"
)

// The backstop, by really exceeding each limit: programs that do not watch
// themselves.
func TestBackstop(t *testing.T) {
	for name, tc := range map[string]struct {
		mode   string
		plugin bool
		limits limit.Limits
		want   string
	}{
		"cpu of a program":    {"burn", false, limit.Limits{CPU: 0.2}, "killed by the supervisor: cpu_limit exceeded"},
		"memory of a program": {"grow", false, limit.Limits{Mem: 64 << 20}, "killed by the supervisor: mem_limit exceeded"},
		"cpu of a child":      {"burner", true, limit.Limits{CPU: 0.2}, "killed by the supervisor: cpu_limit exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, tc.mode, func(c *Config) {
				c.Limits, c.LimitAction, c.LimitWindow = tc.limits, ActionStop, 500*time.Millisecond
				if !tc.plugin {
					c.Plugin = nil
				}
			})
			r.run()
			r.done()
			st := r.Status()
			if st.LimitExits != 1 || st.Crashes != 0 || !strings.Contains(st.LastError, tc.want) {
				t.Errorf("status is %+v, want %q", st, tc.want)
			}
			if len(r.events) != 1 || value(r.events[0], "event") != "external_limit" {
				t.Errorf("events are %+v", r.events)
			}
			if st.HardLimits == "" {
				t.Error("the status does not say whether there are hard limits")
			}
		})
	}
}

func TestCoolDownGrows(t *testing.T) {
	r := newRig(t, "leave", func(c *Config) { c.CoolDown, c.MaxCoolDown = 40*time.Millisecond, time.Minute })
	began := time.Now()
	r.run()
	r.until("three limit exits", func() bool { return r.Status().LimitExits >= 3 })
	if took := time.Since(began); took < 120*time.Millisecond {
		t.Errorf("three limit exits within %v", took)
	}
}
