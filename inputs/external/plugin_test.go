package external

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/supervisor"
)

// lines is a sink of blocks that keeps their lines.
type lines struct {
	book *ledger.Book
	mu   sync.Mutex
	text string
}

func (l *lines) Put(_ context.Context, b *point.Block) error {
	zr, err := gzip.NewReader(bytes.NewReader(b.Payload))
	if err != nil {
		return err
	}
	raw, err := io.ReadAll(zr)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.text += string(raw)
	l.mu.Unlock()
	l.book.Step(b.Accepted)
	return nil
}

func (l *lines) get() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text
}

// runPlugin runs a block of the configuration, as text, until cond holds.
func runPlugin(t *testing.T, block string, cond func(supervisor.Status, string) bool) supervisor.Status {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg := defaults()
	text := "[[inputs.external]]\nname = 'greeter'\nplugin = true\nenvs = ['" + playKey + "=1']\ncmd = '" + exe + "'\n" + block
	section := config.Section{Input: Name, File: "x.conf", Line: 1, Text: text}
	if err := section.Decode(cfg, func(string) (string, bool) { return "", false }); err != nil {
		t.Fatal(err)
	}
	e := env(t)
	if e.Home, err = os.MkdirTemp("", "ex"); err != nil { // t.TempDir is too long for a socket
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(e.Home) })
	out := &lines{book: e.Book}
	e.Blocks, e.Tags, e.Hostname = out, map[string]string{"host": "h1"}, "h1"
	built, err := Factory().New(cfg, e)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- built.(inputs.Runner).Run(ctx, discard{}) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v", err)
		}
	}()
	s := built.(*supervisor.Supervisor)
	for deadline := time.Now().Add(20 * time.Second); !cond(s.Status(), out.get()); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not happen; status %+v, lines %q", s.Status(), out.get())
		}
	}
	return s.Status()
}

func TestPluginGetsItsTableAndDelivers(t *testing.T) {
	st := runPlugin(t, "[inputs.external.tags]\nteam = 'a'\n[inputs.external.config]\nword = 'hello there'\n", func(_ supervisor.Status, text string) bool {
		return strings.Contains(text, `message="hello there"`) && strings.Contains(text, "host=h1") && strings.Contains(text, "team=a")
	})
	if st.Version != "3.2.1" || st.Totals.Accepted != 1 {
		t.Errorf("status is %+v", st)
	}
}

func TestPluginRefusesItsTable(t *testing.T) {
	st := runPlugin(t, "[inputs.external.config]\nwrod = 'hello'\n", func(st supervisor.Status, _ string) bool { return st.Phase == supervisor.PhaseFailed })
	if !strings.Contains(st.LastError, "wrod: unknown key") || !strings.Contains(st.LastError, "word") || st.Restarts != 0 {
		t.Errorf("status is %+v", st)
	}
}
