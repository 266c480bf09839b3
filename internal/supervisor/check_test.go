package supervisor

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// TestCheck: what the program says of its configuration is what a check says;
// nothing of it stays.
func TestCheck(t *testing.T) {
	for mode, want := range map[string]string{
		"run":    "",
		"refuse": "colour: unknown key",
		"flags":  "unknown flag --colour",
	} {
		t.Run(mode, func(t *testing.T) {
			r := newRig(t, mode, func(c *Config) { c.Plugin.Config.Source = "[[inputs.x]]:3" })
			t.Setenv("TMPDIR", r.home)
			err := r.Check(t.Context())
			if (err == nil) != (want == "") || err != nil && (!strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), "inputs.x")) {
				t.Errorf("got %v, want %q", err, want)
			}
			if warned := strings.Contains(r.log.String(), "mind the gap"); warned != (mode == "run") {
				t.Errorf("the log is:\n%s", r.log)
			}
			if n := zombies(t); n > 0 {
				t.Errorf("%d zombies are left", n)
			}
			if left, err := os.ReadDir(r.home); err != nil || len(left) > 0 {
				t.Errorf("files are left: %v (%v)", left, err)
			}
			if r.locked(func() bool { return r.blocks > 0 }) {
				t.Error("it collected")
			}
		})
	}
}

func TestCheckEnds(t *testing.T) {
	r := newRig(t, "hang", nil)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := r.Check(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
