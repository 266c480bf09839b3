package supervisor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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
			t.Setenv("TMPDIR", "/tmp") // the name of a socket is short
			r := newRig(t, mode, func(c *Config) { c.Plugin.Config.Source = "[[inputs.x]]:3" })
			before, err := filepath.Glob(filepath.Join(os.TempDir(), socketPrefix+"[0-9]*"))
			if err != nil {
				t.Fatal(err)
			}
			err = r.Check(t.Context())
			if (err == nil) != (want == "") || err != nil && (!strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), "inputs.x")) {
				t.Errorf("got %v, want %q", err, want)
			}
			if warned := strings.Contains(r.log.String(), "mind the gap"); warned != (mode == "run") {
				t.Errorf("the log is:\n%s", r.log)
			}
			if n := zombies(t); n > 0 {
				t.Errorf("%d zombies are left", n)
			}
			after, err := filepath.Glob(filepath.Join(os.TempDir(), socketPrefix+"[0-9]*"))
			if err != nil || len(after) > len(before) {
				t.Errorf("folders are left: %v, before %v (%v)", after, before, err)
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
