package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// counts is a list of words that grows.
type counts struct {
	mu    sync.Mutex
	words []string
}

func (c *counts) add(word string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.words = append(c.words, word)
}

func (c *counts) list() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.words)
}

func TestExitCodes(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"version":         {[]string{"version"}, 0, "datakit " + version},
		"valid":           {[]string{"check"}, 0, "is valid"},
		"unknown command": {[]string{"chek"}, exitUsage, "unknown command \"chek\""},
		"unknown flag":    {[]string{"check", "--jsn"}, exitUsage, "unknown flag: --jsn"},
		"flags together":  {[]string{"tail", "--json", "--lines"}, exitUsage, "if any flags in the group [json lines] are set none of the others can be"},
		"argument":        {[]string{"check", "x"}, exitUsage, "unknown command \"x\""},
		"wrong setting":   {[]string{"run", "--set", "logging.level=loud"}, exitFailure, `--set logging.level: "loud" is unknown`},
		"no agent":        {[]string{"reload"}, exitFailure, "datakit.sock"},
		"help has codes":  {[]string{"run", "--help"}, 0, "3 another agent runs in this home"},
		"completion":      {[]string{"completion", "bash"}, 0, "bash completion"},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, out := testProgram(t, nil, nil)
			code := execute(t.Context(), p, append([]string{"--home", p.home}, c.args...))
			if code != c.code || !strings.Contains(out.String(), c.says) {
				t.Errorf("exit code %d, want %d; %q is not in\n%s", code, c.code, c.says, out)
			}
		})
	}
}

func TestLayout(t *testing.T) {
	l, err := (&program{home: "/opt/x"}).layout()
	if err != nil || l.mainFile() != "/opt/x/conf.d/datakit.conf" || l.socket() != "/opt/x/run/datakit.sock" {
		t.Errorf("%+v, %v", l, err)
	}
	if got := l.path("data/queue"); got != "/opt/x/data/queue" {
		t.Error(got)
	}
	if got := l.path("/var/queue"); got != "/var/queue" {
		t.Error(got)
	}
	if l, err := (&program{}).layout(); err != nil || l.home != defaultHome {
		t.Errorf("without a flag and an installation: %+v, %v", l, err)
	}
}

func TestLock(t *testing.T) {
	path := t.TempDir() + "/datakit.pid"
	first, err := takeLock(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = takeLock(path)
	want := fmt.Sprintf("another agent runs in this home, with pid %d (%s)", os.Getpid(), path)
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := takeLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLocalAddress(t *testing.T) {
	for listen, want := range map[string]string{
		"localhost:9529": "localhost:9529", "0.0.0.0:9529": "127.0.0.1:9529", ":9529": "127.0.0.1:9529",
		"[::]:1": "127.0.0.1:1", "[::1]:1": "[::1]:1", "/run/api.sock": "/run/api.sock", "": "",
	} {
		if got := localAddress(listen); got != want {
			t.Errorf("%q: %q, want %q", listen, got, want)
		}
	}
}
