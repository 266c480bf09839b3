package logs

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// What a discovery that is not complete, late or long does to what is
// followed.
func TestDiscovery(t *testing.T) {
	scenario(t, "a runtime that does not answer", func(r *rig) {
		r.start()
		r.write(3)
		r.settle()
		r.Update(nil, false)
		r.settle()
		r.write(3)
		r.settle()
		if n := r.Stats().Files; n != 1 {
			r.t.Errorf("%d files are followed, want 1", n)
		}
		r.stop()
		r.complete()
	})
	scenario(t, "a runtime that comes back", func(r *rig) {
		r.start()
		r.write(3)
		r.settle()
		r.Update(nil, true)
		r.settle()
		if n := r.Stats().Files; n != 0 {
			r.t.Errorf("%d files of nobody are followed", n)
		}
		r.write(3)
		r.Update([]Source{r.src}, true)
		r.settle()
		r.stop()
		r.complete()
	})
	scenario(t, "a runtime that is started after the agent", func(r *rig) {
		r.write(3)
		r.start()
		r.settle()
		r.stop()
		src := r.src
		r.src = Source{ID: "other", Path: r.path + "-other"}
		r.start()
		r.settle()
		r.write(3)
		r.Update([]Source{src}, true)
		r.settle()
		r.stop()
		r.complete()
	})
	scenario(t, "a log that nobody names for long", func(r *rig) {
		r.write(3)
		r.start()
		r.settle()
		for _, wait := range []time.Duration{0, 0, remember} {
			time.Sleep(wait)
			r.Update(nil, true)
			r.settle()
		}
		r.stop()
		if len(r.journal.live) != 0 || len(r.absent) != 0 {
			r.t.Errorf("positions %v, absent %v", r.journal.live, r.absent)
		}
	})
	scenario(t, "containers that ended leave their place to others", func(r *rig) {
		r.cfg.MaxFiles = 2
		var all []Source
		for i := range 7 {
			src := Source{ID: fmt.Sprint("ended", i), Path: fmt.Sprint(r.path, "-", i), Format: Raw, Ended: true}
			if err := os.WriteFile(src.Path, []byte("last words\nand no line end"), 0o600); err != nil {
				r.t.Fatal(err)
			}
			all = append(all, src)
		}
		all = append(all, Source{ID: "none", Path: r.path + "-none", Ended: true}, r.src)
		r.start()
		for range 9 { // one place is left for those that ended
			r.Update(all, true)
			r.settle()
		}
		r.write(1)
		r.settle()
		if s := r.Stats(); s.Files != 1 || s.Refused != 0 || s.Lost != 0 {
			r.t.Errorf("%+v, want one file that is followed", s)
		}
		r.stop()
		said := map[string]int{}
		for _, text := range r.got {
			said[text]++
		}
		if said["last words"] != 7 || said["and no line end"] != 7 || said["000000"] != 1 || len(r.got) != 15 {
			r.t.Errorf("got %v", said)
		}
	})
}
