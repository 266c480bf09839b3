package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/ledger"
)

// rig is a running agent with a home of its own.
type rig struct {
	*agent
	t      *testing.T
	client *httpapi.Client
	url    string // of the public API
	log    *syncBuffer
}

// syncBuffer is a buffer that a log and a test share.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// startAgent runs an agent with these files, in the home of before if given.
func startAgent(t *testing.T, home string, factories []inputs.Factory, files map[string]string) *rig {
	t.Helper()
	address := freeAddress(t)
	p, _, _ := testProgram(t, nil, nil)
	log := &syncBuffer{}
	p.out, p.errOut = log, log
	p.set = []string{"http_api.listen=" + address, "enable_pprof=no", "ulimit=0"}
	if home == "" {
		home = t.TempDir()
	}
	writeFiles(t, home, files)
	l := layout{home}
	a, err := newAgent(p, l, factories, options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.start(t.Context()); err != nil {
		t.Fatal(err, a.stop())
	}
	r := &rig{agent: a, t: t, client: httpapi.NewClient(l.socket()), url: "http://" + address, log: log}
	t.Cleanup(r.end)
	r.eventually("the API listens", func() bool {
		reply, err := http.Get(r.url + "/v1/ping")
		return err == nil && reply.Body.Close() == nil
	})
	return r
}

// end stops the agent, once.
func (r *rig) end() {
	if r.agent == nil {
		return
	}
	r.client.Close()
	http.DefaultClient.CloseIdleConnections()
	if err := r.stop(); err != nil {
		r.t.Error(err)
	}
	r.agent = nil
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// eventually waits for something another process or goroutine does.
func (r *rig) eventually(what string, done func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if done() {
			return
		}
	}
	r.t.Fatalf("waited in vain: %s\n%s", what, r.log)
}

func (r *rig) post(lines string) int {
	r.t.Helper()
	reply, err := http.Post(r.url+"/v1/write/network", "text/plain", strings.NewReader(lines))
	if err != nil {
		r.t.Fatal(err)
	}
	if err := reply.Body.Close(); err != nil {
		r.t.Fatal(err)
	}
	return reply.StatusCode
}

// balanced returns the account of a backend, which has to add up.
func (r *rig) balanced(backend string) ledger.Account {
	r.t.Helper()
	accounts, err := r.client.Ledger(r.t.Context())
	if err == nil {
		err = ledger.Check(accounts)
	}
	if err != nil {
		r.t.Fatalf("%v\n%+v", err, accounts)
	}
	i := slices.IndexFunc(accounts, func(a ledger.Account) bool { return a.Name == "points/"+backend })
	if i < 0 {
		r.t.Fatalf("no account of %s in %+v", backend, accounts)
	}
	return accounts[i]
}

func count(entries []ledger.Entry, name string) (n int64) {
	for _, e := range entries {
		if e.Name == name {
			n += e.Count
		}
	}
	return n
}

// stored reads the points of a local store with the reference decoder:
// "measurement tag=value… field".
func stored(t *testing.T, dir string) (all []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.lp.gz"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, decode(t, text)...)
	}
	return all
}

func decode(t *testing.T, body []byte) (all []string) {
	t.Helper()
	for d := lineprotocol.NewDecoderWithBytes(body); d.Next(); {
		name, err := d.Measurement()
		text := string(name)
		for key, value := []byte("x"), []byte(nil); err == nil && key != nil; {
			if key, value, err = d.NextTag(); key != nil {
				text += fmt.Sprintf(" %s=%s", key, value)
			}
		}
		for key := []byte("x"); err == nil && key != nil; {
			var value lineprotocol.Value
			if key, value, err = d.NextField(); key != nil {
				text += fmt.Sprintf(" %s=%s", key, value)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	return all
}

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
	if code := (&exitError{}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("another agent runs in this home, with pid %d", os.Getpid())) {
		t.Errorf("%v, %v", err, code)
	}
}

// sink is a backend that keeps what it is sent, or refuses it.
type sink struct {
	*httptest.Server
	mu    sync.Mutex
	code  int
	lines []string
}

func newSink(t *testing.T) *sink {
	s := &sink{code: http.StatusNoContent}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		z, err := gzip.NewReader(r.Body)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(z)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil && s.code < 300 {
			s.lines = append(s.lines, decode(t, body)...)
		}
		w.WriteHeader(s.code)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) answer(code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code = code
}

func (s *sink) received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// backend is a [[backends]] block.
func backend(name string, s *sink, more string) string {
	return fmt.Sprintf("[[backends]]\nname = %q\nkind = 'influx1'\nurl = %q\ndb = 'x'\n%s", name, s.URL, more)
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
