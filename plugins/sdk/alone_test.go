package sdk

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// api is the agent's HTTP API. Bodies are read by the reference decoder.
type api struct {
	*httptest.Server
	t      *testing.T
	answer func(n int) int // status of request n

	mu       sync.Mutex
	requests int
	hosts    map[string]int // points by tag host
	path     string
	query    string
}

func newAPI(t *testing.T, answer func(n int) int) *api {
	a := &api{t: t, answer: answer, hosts: map[string]int{}}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	return a
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests++
	a.path, a.query = r.URL.Path, r.URL.RawQuery
	status := a.answer(a.requests)
	if status != http.StatusOK {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		return
	}
	if r.Header.Get("Content-Encoding") != "gzip" {
		a.t.Errorf("encoding is %q", r.Header.Get("Content-Encoding"))
	}
	body, err := gzip.NewReader(r.Body)
	if err != nil {
		a.t.Error(err)
		return
	}
	d := lineprotocol.NewDecoder(body)
	for d.Next() {
		if _, err := d.Measurement(); err != nil {
			a.t.Error(err)
		}
		for {
			key, value, err := d.NextTag()
			if err != nil {
				a.t.Error(err)
			}
			if key == nil {
				break
			}
			if string(key) == "host" {
				a.hosts[string(value)]++
			}
		}
	}
}

func alone(t *testing.T, a *api, answerBy func(ctx context.Context, out point.Sink) error, flags ...given) (string, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	log := &buffer{}
	w := work{log: textLog(log), book: &ledger.Book{}, fs: hostfs.Root{}}
	w.program = program(factory("p", &actor{run: func(ctx context.Context, out point.Sink) error {
		defer cancel()
		return answerBy(ctx, out)
	}}))
	err := runAlone(ctx, w, options{server: strings.TrimPrefix(a.URL, "http://"), hostname: "h1"}, flags)
	return log.String(), err
}

func TestAloneTriesAgainUntilDelivered(t *testing.T) {
	a := newAPI(t, func(n int) int {
		if n <= 2 {
			return []int{503, 429}[n-1]
		}
		return 200
	})
	log, err := alone(t, a, func(ctx context.Context, out point.Sink) error {
		return out.Feed(ctx, point.Network, points("m", 2500))
	})
	if err != nil {
		t.Fatal(err)
	}
	if a.hosts["h1"] != 2500 || len(a.hosts) != 1 {
		t.Errorf("points by host: %v", a.hosts)
	}
	if a.path != "/v1/write/network" || !strings.Contains(a.query, "input=prog") {
		t.Errorf("posted to %s?%s", a.path, a.query)
	}
	if !strings.Contains(log, "captured=2500 delivered=2500") {
		t.Errorf("the log does not account for the points:\n%s", log)
	}
}

func TestAloneCountsWhatIsRejected(t *testing.T) {
	a := newAPI(t, func(int) int { return 400 })
	log, err := alone(t, a, func(ctx context.Context, out point.Sink) error { return out.Feed(ctx, point.Network, points("m", 5)) })
	if err != nil {
		t.Fatal(err)
	}
	if a.requests != 1 || !strings.Contains(log, "dropped=map[refused:5]") {
		t.Errorf("%d requests; log:\n%s", a.requests, log)
	}
}

func TestAloneReadsItsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.toml")
	if err := os.WriteFile(file, []byte("color = 'blue'"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := runAlone(t.Context(), work{program: program(factory("p", &actor{})), log: textLog(io.Discard), book: &ledger.Book{}}, options{config: file}, nil)
	var config configError
	if !errors.As(err, &config) || !strings.Contains(err.Error(), file+": inputs.external.color: unknown key") {
		t.Errorf("error is %v", err)
	}
}

func TestPidfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pid")
	if err := os.WriteFile(path, []byte("1\nof a dead program"), 0o644); err != nil {
		t.Fatal(err)
	}
	release, err := lockPidfile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := os.ReadFile(path)
	if got := string(raw); got != fmt.Sprintln(os.Getpid()) {
		t.Errorf("the file holds %q", got)
	}
	if _, err := lockPidfile(path); err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second owner got %v", err)
	}
	release()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("the file is still there")
	}
}
