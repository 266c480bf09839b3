package main

import (
	"bytes"
	"context"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// fakeAgent answers on the private socket of a home folder.
type fakeAgent struct {
	home  string
	state httpapi.State
	tap   *httpapi.Tap

	mu     sync.Mutex
	refuse []error // one per post, before it is taken
	posted []post
}

type post struct {
	category point.Category
	text     string
}

// Lines takes what is replayed.
func (a *fakeAgent) Lines(_ context.Context, c point.Category, l httpapi.Lines) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.refuse) > 0 {
		err := a.refuse[0]
		a.refuse = a.refuse[1:]
		return 0, err
	}
	var s point.Scanner
	points := 0
	for s.Reset(l.Body, c, l.Precision); s.Next(); points++ {
	}
	if err := s.Err(); err != nil {
		return 0, err
	}
	a.posted = append(a.posted, post{c, string(l.Body)})
	return points, nil
}

// Put discards blocks, which are shown by the tap.
func (a *fakeAgent) Put(context.Context, *point.Block) error { return nil }

// startFakeAgent runs until the test ends.
func startFakeAgent(t *testing.T, state httpapi.State) *fakeAgent {
	t.Helper()
	a := &fakeAgent{home: t.TempDir(), state: state, tap: httpapi.NewTap()}
	if err := os.MkdirAll(filepath.Join(a.home, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	api, err := httpapi.NewAPI(httpapi.Config{
		Writer: a, Errors: httpapi.NewErrorLog(fixedNow), Registry: prometheus.NewRegistry(), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	admin, err := httpapi.ListenAdmin(httpapi.AdminConfig{
		Path: layout{a.home}.socket(), State: func() httpapi.State { return a.state },
		Accounts: func() []ledger.Account { return a.state.Accounts },
		Level:    new(slog.LevelVar), Tap: a.tap, API: api, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- admin.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return a
}

// cli runs one command line and returns its exit code and output.
func cli(t *testing.T, home string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := &program{
		env: func(string) (string, bool) { return "", false }, environ: func() []string { return nil },
		out: &stdout, errOut: &stderr,
	}
	code = execute(t.Context(), p, append([]string{"--home", home}, args...))
	return code, stdout.String(), stderr.String()
}

// update rewrites the golden files.
var update = flag.Bool("update", false, "write the golden files")

// golden compares got with testdata/<name>.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant (%s; go test -run %s -update)\n%s", got, path, t.Name(), want)
	}
}
