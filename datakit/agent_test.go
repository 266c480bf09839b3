package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/httpapi"
)

// testTags makes the tags of points independent of the machine.
const testTags = "[global_host_tags]\nhost = 'h'\n"

func TestPostsAndInputsReachTheLocalStore(t *testing.T) {
	r := startAgent(t, "", []inputs.Factory{fakeFactory("one", true, nil)}, map[string]string{
		"conf.d/datakit.conf": testTags,
		"conf.d/one.conf":     "[[inputs.one]]\nvalue = 'gathered'\n",
	})
	for i := range 3 {
		if code := r.post(fmt.Sprintf("posted n=%di 170000000000000000%d\n", i, i)); code != http.StatusOK {
			t.Fatalf("status %d", code)
		}
	}
	if code := r.post("not line protocol"); code != http.StatusBadRequest {
		t.Errorf("a bad body got %d", code)
	}
	r.eventually("delivery", func() bool { return count(r.balanced(localStore).Out, "uploaded") == 4 })
	home := r.layout.home
	r.end()

	got := stored(t, filepath.Join(home, "data", "store"))
	slices.Sort(got)
	want := []string{"fake value=gathered host=h n=1i", "posted host=h n=0i", "posted host=h n=1i", "posted host=h n=2i"}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if sample, err := os.ReadFile(filepath.Join(home, "conf.d/host/one.conf.sample")); err != nil || !bytes.Contains(sample, []byte("[[inputs.one]]")) {
		t.Errorf("%s, %v", sample, err)
	}
}

func TestSecondAgentIsRefused(t *testing.T) {
	r := startAgent(t, "", nil, nil)
	_, err := newAgent(r.program, r.layout, nil, options{})
	var exit *exitError
	if !errors.As(err, &exit) || exit.code != exitRunning || !strings.Contains(err.Error(), fmt.Sprintf("another agent runs in this home, with pid %d", os.Getpid())) {
		t.Error(err)
	}
}

func TestReloadTouchesOnlyWhatChanged(t *testing.T) {
	var starts counts
	first, second := newSink(t), newSink(t)
	r := startAgent(t, "", []inputs.Factory{fakeFactory("one", true, &starts), fakeFactory("many", false, &starts)}, map[string]string{
		"conf.d/datakit.conf": testTags + backend("first", first, ""),
		"conf.d/one.conf":     "[[inputs.one]]\nvalue = 'a'\n",
		"conf.d/many.conf":    "[[inputs.many]]\nvalue = 'b'\n[[inputs.many]]\nvalue = 'c'\n",
	})
	reload := func(want string) {
		t.Helper()
		report, err := r.client.Reload(t.Context())
		if err != nil || strings.ReplaceAll(report, r.layout.home, "HOME") != want {
			t.Errorf("%v\ngot  %q\nwant %q", err, report, want)
		}
	}
	started := func(want ...string) {
		t.Helper()
		r.eventually(fmt.Sprintf("starts %q", want), func() bool {
			got := starts.list()
			slices.Sort(got)
			slices.Sort(want)
			return slices.Equal(got, want)
		})
	}
	started("a", "b", "c")
	reload("inputs: 3 kept, 0 stopped, 0 started")

	writeFiles(t, r.layout.home, map[string]string{"conf.d/many.conf": "[[inputs.many]]\nvalue = 'c'\n[[inputs.many]]\nvalue = 'd'\n"})
	reload("inputs: 2 kept, 1 stopped, 1 started")
	started("a", "b", "c", "d")

	for wrong, why := range map[string]string{"impossible": "nothing can collect this", "unknown to it": "the program does not know this"} {
		writeFiles(t, r.layout.home, map[string]string{"conf.d/one.conf": "[[inputs.one]]\nvalue = '" + wrong + "'\n"})
		reload("inputs: 3 kept, 0 stopped, 0 started\nmistake: HOME/conf.d/one.conf:1: inputs.one: " + why)
	}

	writeFiles(t, r.layout.home, map[string]string{"conf.d/one.conf": "[[inputs.one]]\nvalue = 7\n"})
	reload("inputs: 3 kept, 0 stopped, 0 started\nmistake: HOME/conf.d/one.conf:2: inputs.one.value: 7 is not text; write it in quotes")

	writeFiles(t, r.layout.home, map[string]string{"conf.d/datakit.conf": "[logging]\nlevel = 'verbose'\n"})
	if _, err := r.client.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), `logging.level: "verbose" is unknown`) {
		t.Errorf("a bad main file: %v", err)
	}

	// One backend is added, points go on flowing, and nothing is lost.
	r.post("before n=1i 1700000000000000000\n")
	writeFiles(t, r.layout.home, map[string]string{
		"conf.d/datakit.conf": testTags + backend("first", first, "") + backend("second", second, "categories = ['network']\n") + "[queue]\nmax_size = '1GiB'\n",
	})
	reload("backends changed\ninputs: 3 kept, 0 stopped, 0 started\ntakes effect only after a restart: [queue]\n" +
		"mistake: HOME/conf.d/one.conf:2: inputs.one.value: 7 is not text; write it in quotes")
	r.post("after n=1i 1700000000000000001\n")
	r.eventually("delivery to both", func() bool {
		return count(r.balanced("first").Held, "queued") == 0 && slices.Contains(second.received(), "after host=h n=1i")
	})
	if got := first.received(); !slices.Contains(got, "before host=h n=1i") || !slices.Contains(got, "after host=h n=1i") {
		t.Errorf("%q", got)
	}
	if got := second.received(); slices.Contains(got, "before host=h n=1i") {
		t.Errorf("a new backend was sent what came before it: %q", got)
	}
	r.balanced("second")
	started("a", "b", "c", "d")
}

// A network namespace that is made anew keeps its path and is another one.
func TestReloadFollowsTheFilesOfABlock(t *testing.T) {
	named := filepath.Join(t.TempDir(), "blue")
	r := startAgent(t, "", []inputs.Factory{fakeFactory("one", true, nil)}, map[string]string{
		"conf.d/datakit.conf": testTags, "conf.d/one.conf": fmt.Sprintf("[[inputs.one]]\nneeds = [%q]\n", named),
	})
	reload := func(when, want string) {
		t.Helper()
		if report, err := r.client.Reload(t.Context()); err != nil || report != want {
			t.Errorf("%s: %q, %v, want %q", when, report, err, want)
		}
	}
	const kept, restarted = "inputs: 1 kept, 0 stopped, 0 started", "inputs: 0 kept, 1 stopped, 1 started"
	reload("it is missing", kept)
	if err := os.WriteFile(named, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	reload("it appeared", restarted)
	reload("nothing changed", kept)
	if err := os.WriteFile(named+".new", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(named+".new", named); err != nil {
		t.Fatal(err)
	}
	reload("it is another", restarted)
}

func TestTagsOfAReloadReachPointsAndInputs(t *testing.T) {
	var starts counts
	to := newSink(t)
	r := startAgent(t, "", []inputs.Factory{fakeFactory("one", true, &starts)}, map[string]string{
		"conf.d/datakit.conf": testTags + backend("to", to, ""),
		"conf.d/one.conf":     "[[inputs.one]]\nvalue = 'a'\n",
	})
	writeFiles(t, r.layout.home, map[string]string{"conf.d/datakit.conf": testTags + "zone = 'z'\n" + backend("to", to, "")})
	if report, err := r.client.Reload(t.Context()); err != nil || report != "inputs: 0 kept, 1 stopped, 1 started" {
		t.Errorf("%q, %v", report, err)
	}
	r.post("x n=1i 1\n")
	r.eventually("the point", func() bool { return slices.Contains(to.received(), "x host=h zone=z n=1i") })
}

func TestPointsSurviveARestartWithTheBackendDown(t *testing.T) {
	to := newSink(t)
	to.answer(http.StatusServiceUnavailable)
	files := map[string]string{"conf.d/datakit.conf": testTags + backend("to", to, "")}
	r := startAgent(t, "", nil, files)
	for i := range 5 {
		r.post(fmt.Sprintf("kept n=%di %d\n", i, i+1))
	}
	if a := r.balanced("to"); count(a.Held, "queued") != 5 {
		t.Errorf("%+v", a)
	}
	home := r.layout.home
	r.end()
	to.answer(http.StatusNoContent)

	r = startAgent(t, home, nil, nil)
	r.eventually("delivery after the restart", func() bool { return len(to.received()) == 5 })
	if a := r.balanced("to"); count(a.In, "carried") != 5 || count(a.In, "captured") != 0 {
		t.Errorf("%+v", a)
	}
}

func TestStateAndMetrics(t *testing.T) {
	r := startAgent(t, "", []inputs.Factory{fakeFactory("one", true, nil)}, map[string]string{
		"conf.d/datakit.conf": testTags, "conf.d/one.conf": "[[inputs.one]]\n",
	})
	r.eventually("the first gathering", func() bool { return len(r.state().Inputs) == 1 && r.state().Inputs[0].Gathers == 1 })
	s, err := r.client.State(t.Context())
	if err != nil || s.PID != os.Getpid() || s.Inputs[0].Input != "one" || s.Inputs[0].Phase != "running" || s.Backends[0].Kind != "file" || len(s.Feeds) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	reply, err := http.Get(r.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	if err != nil || !bytes.Contains(text, []byte(`input="one"`)) {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestRunReloadsOnHangupAndStopsOnItsContext(t *testing.T) {
	p, l, _ := testProgram(t, nil, nil)
	out := &syncBuffer{}
	p.out, p.errOut = out, out
	p.set = []string{"http_api.listen=", "enable_pprof=no", "ulimit=0"}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.run(ctx, l, nil, options{}) }()
	for client := httpapi.NewClient(l.socket()); ; time.Sleep(5 * time.Millisecond) {
		if _, err := client.State(t.Context()); err == nil {
			client.Close()
			break
		}
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(out.String(), "configuration reloaded") && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for _, want := range []string{"configuration reloaded", "agent has stopped"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if _, err := os.Stat(l.socket()); !os.IsNotExist(err) {
		t.Errorf("the socket stays behind: %v", err)
	}
}

// While clients write, a backend fails and comes back, and another one is
// added, every look at the ledger adds up.
func TestLedgerAddsUpAtEveryMoment(t *testing.T) {
	first, second := newSink(t), newSink(t)
	r := startAgent(t, "", nil, map[string]string{"conf.d/datakit.conf": testTags + backend("first", first, "")})
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	var accepted atomic.Int64
	for w := range 3 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if r.post(fmt.Sprintf("load,w=%d n=1i %d\nload,w=%d n=2i %d\n", w, 2*n+1, w, 2*n+2)) == http.StatusOK {
					accepted.Add(2)
				}
			}
		})
	}
	for n := range 60 {
		switch n {
		case 10:
			first.answer(http.StatusServiceUnavailable)
		case 20:
			writeFiles(t, r.layout.home, map[string]string{"conf.d/datakit.conf": testTags + backend("first", first, "") + backend("second", second, "")})
			if _, err := r.client.Reload(t.Context()); err != nil {
				t.Error(err)
			}
		case 30:
			first.answer(http.StatusNoContent)
		}
		r.balanced("first")
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	writers.Wait()
	r.eventually("all is delivered", func() bool {
		return count(r.balanced("first").Held, "queued") == 0 && count(r.balanced("second").Held, "queued") == 0
	})
	if a := r.balanced("first"); count(a.Out, "uploaded") != accepted.Load() || int64(len(first.received())) < accepted.Load() {
		t.Errorf("%d accepted, %d received, %+v", accepted.Load(), len(first.received()), a)
	}
}
