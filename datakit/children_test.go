package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/runner"
	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/plugins/rpc"
)

// fakeChild is an external of which only the status is known.
type fakeChild supervisor.Status

func (f *fakeChild) Status() supervisor.Status { return supervisor.Status(*f) }

func child(name, phase string, captured int64) *fakeChild {
	return &fakeChild{Name: name, Phase: phase, Totals: rpc.Totals{Captured: captured, Dropped: map[string]int64{"full": captured}}}
}

func TestChildrenAreForgottenAndTheirPointsAreNot(t *testing.T) {
	old, broken, runs := child("a", supervisor.PhaseRunning, 1), child("b", supervisor.PhaseFailed, 2), child("c", supervisor.PhaseRunning, 4)
	c := new(children)
	c.want([]runner.Job{{Key: "old"}, {Key: "broken"}, {Key: "runs"}})
	c.built("old", old)
	c.built("broken", broken)
	c.built("runs", runs)
	c.built("runs", "no external")

	look := func(when, want string) {
		t.Helper()
		var names []string
		for _, s := range c.statuses() {
			names = append(names, s.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
		if n := c.totals(); n.Captured != 7 || n.Dropped["full"] != 7 {
			t.Errorf("%s: the account is %+v", when, n)
		}
	}
	look("at the start", "a b c")
	c.want([]runner.Job{{Key: "broken"}, {Key: "runs"}})
	look("one is stopping", "a b c")
	old.Phase = supervisor.PhaseStopped
	look("it has stopped", "b c")
	look("and again", "b c")

	runs.Phase = supervisor.PhaseStopped
	look("one that is configured has ended", "b c")
	c.built("runs", child("c", supervisor.PhaseStarting, 0))
	look("and is run again", "b c")
	if n := len(c.live); n != 2 {
		t.Errorf("%d are kept", n)
	}
	c.built("runs", child("c", supervisor.PhaseRunning, 0))
	look("two blocks are alike", "b c c#2")
}

// Every reload ends the external and starts another: one is shown, and
// scraping goes on.
func TestMetricsAfterReloadsOfAnExternal(t *testing.T) {
	factory := fakeFactory("one", false, nil)
	factory.New = func(any, inputs.Env) (any, error) {
		return supervisor.New(supervisor.Config{Name: "program", Command: supervisor.Command{Path: "/bin/sleep", Args: []string{"60"}}}), nil
	}
	r := startAgent(t, "", []inputs.Factory{factory}, map[string]string{
		"conf.d/datakit.conf": testTags, "conf.d/one.conf": "[[inputs.one]]\n",
	})
	for n := range 3 {
		writeFiles(t, r.layout.home, map[string]string{"conf.d/one.conf": fmt.Sprintf("[[inputs.one]]\nvalue = '%d'\n[[inputs.one]]\nvalue = 'other'\n", n)})
		if _, err := r.client.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	r.eventually("two externals of one name", func() bool {
		all := r.state().Children
		return len(all) == 2 && all[0].Name == "program" && all[1].Name == "program#2"
	})
	reply, err := http.Get(r.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if n := bytes.Count(text, []byte("\ndatakit_child_up{")); err != nil || reply.StatusCode != http.StatusOK || n != 2 {
		t.Errorf("%v, status %d, %d externals\n%.500s", err, reply.StatusCode, n, text)
	}
}
