package logs

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

func TestTruncation(t *testing.T) {
	scenario(t, "without a copy", func(r *rig) {
		r.start()
		r.write(5)
		r.settle()
		r.truncate(false)
		r.settle()
		r.write(2)
		r.settle()
		r.stop()
		r.complete()
		if s := r.Stats(); s.Truncations != 1 {
			r.t.Errorf("%+v", s)
		}
	})
	scenario(t, "grown at once beyond what was read", func(r *rig) {
		r.start()
		r.write(5)
		r.settle()
		r.truncate(true)
		r.write(50)
		r.settle()
		r.stop()
		r.complete()
	})
	scenario(t, "grown at once to exactly what was read", func(r *rig) {
		r.start()
		r.write(15)
		r.settle()
		before, _ := os.Stat(r.path)
		r.truncate(true)
		r.write(15)
		if after, err := os.Stat(r.path); err != nil || after.Size() != before.Size() {
			r.t.Fatal(after, err)
		}
		r.settle()
		r.stop()
		r.complete()
	})
	scenario(t, "lines that only the copy has", func(r *rig) {
		r.start()
		r.write(5)
		r.settle()
		for range 4 {
			r.write(3)
			r.truncate(true)
			r.write(2)
			r.settle()
		}
		r.stop()
		r.complete()
	})
	scenario(t, "several times before anybody looks", func(r *rig) {
		r.start()
		r.write(5)
		r.settle()
		for range 3 {
			r.write(4)
			r.truncate(true)
		}
		r.write(1)
		r.settle()
		r.stop()
		r.complete()
	})
	scenario(t, "while nobody follows", func(r *rig) {
		r.write(5)
		r.start()
		r.settle()
		r.stop()
		for range 3 {
			r.write(4)
			r.truncate(true)
		}
		r.write(4)
		r.start()
		r.settle()
		r.stop()
		r.complete()
	})
	scenario(t, "in the middle of an entry", func(r *rig) {
		r.cfg.Multiline = true
		r.start()
		r.raw("2026-01-01T00:00:00Z stdout F first\n2026-01-01T00:00:00Z stdout F  goes on\n")
		time.Sleep(time.Second) // read, and waiting for more
		r.truncate(true)
		r.raw("2026-01-01T00:00:01Z stdout F second\n")
		r.settle()
		r.stop()
		if fmt.Sprintf("%q", r.got) != `["first\n goes on" "second"]` {
			r.t.Errorf("got %q", r.got)
		}
		r.accounted()
		if s := r.Stats(); s.Again != 2 {
			r.t.Errorf("%+v", s)
		}
	})
	scenario(t, "copies named by day", func(r *rig) { // logrotate with copytruncate and dateext
		r.start()
		r.write(5)
		r.settle()
		for day := range 3 {
			r.write(4)
			text, err := os.ReadFile(r.path)
			if err == nil {
				err = errors.Join(os.WriteFile(fmt.Sprintf("%s-2026010%d", r.path, day+1), text, 0o600), os.Truncate(r.path, 0))
			}
			if err != nil {
				r.t.Fatal(err)
			}
			r.write(2)
			r.settle()
		}
		r.stop()
		r.complete()
	})
}
