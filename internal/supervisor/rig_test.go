package supervisor

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins/rpc"
)

// rig is a supervisor with everything it talks to.
type rig struct {
	*Supervisor
	t      *testing.T
	cfg    Config
	book   *ledger.Book
	log    *logBuffer
	home   string
	cancel context.CancelFunc
	ended  chan error

	mu     sync.Mutex
	blocks int64 // points in blocks
	events []point.Point
	errs   []error
	signal chan struct{} // something of the above changed
}

// timeout is how long a test waits for what must happen.
const timeout = 20 * time.Second

func newRig(t *testing.T, mode string, change func(*Config)) *rig {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, book: &ledger.Book{}, log: &logBuffer{}, ended: make(chan error, 1), signal: make(chan struct{}, 1)}
	r.home, err = os.MkdirTemp("", "sv") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(r.home) })
	r.cfg = Config{
		Name:     "actor",
		Command:  Command{Path: exe, Env: []string{modeKey + "=" + mode, "GOTRACEBACK=single"}},
		MinDelay: 10 * time.Millisecond, MaxDelay: 50 * time.Millisecond,
		CoolDown: 10 * time.Millisecond, MaxCoolDown: 50 * time.Millisecond,
		StopTimeout: 2 * time.Second, Poll: 20 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Errors: func(err error) {
			r.change(func() { r.errs = append(r.errs, err) })
		},
		Plugin: &Plugin{Version: "1", Blocks: blockSink{r}, Book: r.book, RunDir: filepath.Join(r.home, "run")},
	}
	if change != nil {
		change(&r.cfg)
	}
	r.Supervisor = New(r.cfg)
	return r
}

// run starts Run; the test's end stops it.
func (r *rig) run() {
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { r.ended <- r.Supervisor.Run(ctx, r) }()
	r.t.Cleanup(r.stop)
}

func (r *rig) stop() {
	if r.cancel == nil {
		return
	}
	r.cancel()
	r.cancel = nil
	if err := <-r.ended; err != nil {
		r.t.Errorf("Run returned %v", err)
	}
	if n := zombies(r.t); n > 0 {
		r.t.Errorf("%d zombies are left", n)
	}
	if left, _ := filepath.Glob(filepath.Join(r.home, "run", "*")); len(left) > 0 {
		r.t.Errorf("files are left: %v", left)
	}
}

// done waits until Run returns by itself.
func (r *rig) done() {
	r.t.Helper()
	select {
	case err := <-r.ended:
		r.ended <- err
		r.stop()
	case <-time.After(timeout):
		r.t.Fatalf("Run did not return; log:\n%s", r.log)
	}
}

// until waits until cond holds; it is looked at after every change.
func (r *rig) until(what string, cond func() bool) {
	r.t.Helper()
	deadline := time.After(timeout)
	look := time.NewTicker(5 * time.Millisecond) // for what does not signal
	defer look.Stop()
	for !r.locked(cond) {
		select {
		case <-r.signal:
		case <-look.C:
		case <-deadline:
			r.t.Fatalf("%s: it did not happen; status %+v; log:\n%s", what, r.Status(), r.log)
		}
	}
}

func (r *rig) locked(cond func() bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return cond()
}

func (r *rig) change(f func()) {
	r.mu.Lock()
	f()
	r.mu.Unlock()
	select {
	case r.signal <- struct{}{}:
	default:
	}
}

// Feed implements point.Sink for events.
func (r *rig) Feed(_ context.Context, c point.Category, pts []point.Point) error {
	if c != point.KeyEvent {
		r.t.Errorf("an event came as %v", c)
	}
	r.change(func() { r.events = append(r.events, pts...) })
	return nil
}

// event returns a tag or field of an event as text.
func value(p point.Point, key string) string {
	for _, t := range p.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	for _, f := range p.Fields {
		if f.Key == key && f.Value.Kind() == point.KindString {
			return f.Value.AsString()
		}
	}
	return ""
}

type blockSink struct{ *rig }

func (s blockSink) Put(_ context.Context, b *point.Block) error {
	s.book.Step(func() {
		s.change(func() { s.blocks += int64(b.Points) })
		b.Accepted()
	})
	return nil
}

func balance(s rpc.Totals) int64 {
	b := s.Captured - s.Accepted - s.Filtered - s.Sampled - s.Unreported - s.Pending
	for _, n := range s.Dropped {
		b -= n
	}
	return b
}

type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) has(text string) bool { return strings.Contains(l.String(), text) }
