package external

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// discard is a sink that takes everything.
type discard struct{}

func (discard) Feed(context.Context, point.Category, []point.Point) error { return nil }

func env(t *testing.T, environ ...string) inputs.Env {
	return inputs.Env{
		Log: slog.New(slog.DiscardHandler), Now: time.Now, Home: t.TempDir(), Book: new(ledger.Book),
		Errors: func(error) {}, Environ: append(environ, "PATH="+os.Getenv("PATH")),
	}
}

// script writes a shell script to the home folder of env.
func script(t *testing.T, home, text string) (name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(home, "script"), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return "script"
}

func TestProgramOfAnInterval(t *testing.T) {
	e := env(t, "SOME=thing", "ENV_DATAWAY=https://backend?token=secret")
	cfg := defaults()
	cfg.Name, cfg.Args, cfg.Envs = "probe", []string{"one two", "$HOME"}, []string{"ADDED=1"}
	cfg.Tags = map[string]string{"b": "2", "a": "1"}
	cfg.Cmd = script(t, e.Home, `printf '%s\n' "$@" > out; echo "$SOME $ADDED ${ENV_DATAWAY-unset}" >> out`)
	built, err := Factory().New(cfg, e)
	if err != nil {
		t.Fatal(err)
	}
	if err := built.(inputs.Input).Gather(t.Context(), discard{}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(e.Home, "out"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "one two\n$HOME\n--tags\na=1;b=2\nthing 1 unset\n"; string(got) != want {
		t.Errorf("the program saw %q, want %q", got, want)
	}
}

func TestProgramThatFails(t *testing.T) {
	e := env(t)
	cfg := defaults()
	cfg.Name, cfg.Cmd = "probe", script(t, e.Home, "echo cannot reach it >&2; exit 3")
	built, err := Factory().New(cfg, e)
	if err != nil {
		t.Fatal(err)
	}
	err = built.(inputs.Input).Gather(t.Context(), discard{})
	if err == nil || !strings.Contains(err.Error(), "3") || !strings.Contains(err.Error(), "probe") {
		t.Errorf("error = %v, want one that names the program and status 3", err)
	}
}

func TestDaemonEndsWithItsInput(t *testing.T) {
	e := env(t)
	cfg := defaults()
	cfg.Name, cfg.Daemon = "probe", true
	cfg.Cmd = script(t, e.Home, "echo $$ > pid.new; mv pid.new pid; exec sleep 600")
	built, err := Factory().New(cfg, e)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- built.(inputs.Runner).Run(ctx, discard{}) }()
	pid := awaitFile(t, filepath.Join(e.Home, "pid"))
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat("/proc/" + pid); !os.IsNotExist(err) {
		t.Errorf("process %s outlived its input: %v", pid, err)
	}
}

// awaitFile returns the first line of a file once it is there.
func awaitFile(t *testing.T, path string) string {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil {
			return strings.TrimSpace(string(text))
		}
	}
	t.Fatalf("%s did not appear", path)
	return ""
}
