package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/nettest"
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
	address := nettest.FreeAddress(t)
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

// post writes lines and returns the status; any goroutine may call it.
func (r *rig) post(lines string) int {
	r.t.Helper()
	reply, err := http.Post(r.url+"/v1/write/network", "text/plain", strings.NewReader(lines))
	if err != nil {
		r.t.Error(err)
		return 0
	}
	if err := reply.Body.Close(); err != nil {
		r.t.Error(err)
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
