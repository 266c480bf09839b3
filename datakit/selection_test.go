package main

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/inputs/mem"
	"datakit.dev/agent/inputs/swap"
)

// What the lists of an input leave out is not delivered, and a point that
// vanishes as a whole is in the ledger as filtered.
func TestFieldsAndTagsThatAreLeftOut(t *testing.T) {
	r := startAgent(t, "", []inputs.Factory{mem.Factory(), swap.Factory()}, map[string]string{
		"conf.d/datakit.conf": testTags,
		"conf.d/mem.conf":     "[[inputs.mem]]\nfields_include = ['total', 'used*']\nfields_exclude = ['*_percent']\ntags_exclude = ['team']\n[inputs.mem.tags]\nteam = 'a'\nroom = 'b'\n",
		"conf.d/swap.conf":    "[[inputs.swap]]\nfields_include = ['ttal']\n",
	})
	r.eventually("both have gathered", func() bool {
		a := r.balanced(localStore)
		return count(a.Out, "uploaded") >= 1 && count(a.Out, "filtered") >= 1
	})
	log, home := r.log.String(), r.layout.home
	r.end()
	points := stored(t, filepath.Join(home, "data", "store"))
	want := regexp.MustCompile(`^mem room=b host=h used=\d+i total=\d+i$`)
	if len(points) == 0 || slices.ContainsFunc(points, func(p string) bool { return !want.MatchString(p) }) {
		t.Errorf("got %q", points)
	}
	if warning := `fields_include: \"ttal\" matches no field of this input`; !strings.Contains(log, warning) {
		t.Errorf("no warning in\n%s", log)
	}
}
