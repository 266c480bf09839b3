package tls

import (
	"testing"

	"datakit.dev/agent/internal/nettest"
)

// TestStatus: every hook stands on every kernel from 5.10 on.
func TestStatus(t *testing.T) {
	o := observe(t, nettest.New(t))
	status := o.tracer.Status()
	if len(status) != 4 {
		t.Errorf("%d hooks", len(status))
	}
	for _, s := range status {
		if !s.OK || s.Rung < 2 || s.Rung > 3 {
			t.Errorf("%+v", s)
		}
	}
}
