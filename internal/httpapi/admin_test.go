package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"compress/gzip"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

// admin runs a private API until the test ends.
func admin(t *testing.T, change func(*AdminConfig)) (*Client, AdminConfig) {
	t.Helper()
	cfg := AdminConfig{
		Path:     filepath.Join(t.TempDir(), "admin.sock"),
		State:    exampleState,
		Accounts: func() []ledger.Account { return exampleState().Accounts },
		Reload:   func(context.Context) (string, error) { return "nothing changed", nil },
		Level:    new(slog.LevelVar),
		Tap:      NewTap(),
		API:      newTestAPI(t, testConfig(&recorder{})),
		Log:      slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	a, err := ListenAdmin(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); a.Run(ctx) }()
	c := NewClient(cfg.Path)
	t.Cleanup(func() { cancel(); <-done; c.Close() })
	return c, cfg
}

func TestAdmin(t *testing.T) {
	reloadErr := error(nil)
	c, cfg := admin(t, func(cfg *AdminConfig) {
		cfg.Reload = func(context.Context) (string, error) { return "cpu restarted", reloadErr }
	})
	ctx := t.Context()

	if info, err := os.Stat(cfg.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the socket = %v, %v", info.Mode(), err)
	}
	if got, err := c.State(ctx); err != nil || !reflect.DeepEqual(got, exampleState()) {
		t.Errorf("state = %+v, %v", got, err)
	}
	if got, err := c.Ledger(ctx); err != nil || !reflect.DeepEqual(got, exampleState().Accounts) {
		t.Errorf("ledger = %+v, %v", got, err)
	}
	if got, err := c.Level(ctx); err != nil || got != "info" {
		t.Errorf("level = %q, %v", got, err)
	}
	if err := c.SetLevel(ctx, "debug"); err != nil || cfg.Level.Level() != slog.LevelDebug {
		t.Errorf("level = %v, %v", cfg.Level, err)
	}
	if err := c.SetLevel(ctx, "loud"); err == nil || !strings.Contains(err.Error(), "want debug, info, warn or error") {
		t.Errorf("a level that is none: %v", err)
	}
	if got, err := c.Reload(ctx); err != nil || got != "cpu restarted" {
		t.Errorf("reload = %q, %v", got, err)
	}
	reloadErr = errors.New("cpu.conf:3: unknown key")
	var reply *ReplyError
	if _, err := c.Reload(ctx); !errors.As(err, &reply) || reply.Message != "cpu.conf:3: unknown key" {
		t.Errorf("reload of a bad file: %v", err)
	}
	if _, err := ListenAdmin(cfg); !errors.Is(err, ErrSocketInUse) {
		t.Errorf("a second agent: %v, want ErrSocketInUse", err)
	}
}

func TestAdminWrite(t *testing.T) {
	var w recorder
	c, _ := admin(t, func(cfg *AdminConfig) { cfg.API = newTestAPI(t, testConfig(&w)) })
	if err := c.Write(t.Context(), point.Network, point.Gzip, gzipBlock(t, "m f=1 5\n").Payload); err != nil {
		t.Fatal(err)
	}
	got := w.all()
	if len(got) != 1 || got[0].text != "m f=1 5\n" || got[0].category != point.Network || !got[0].lines.IgnoreGlobalTags {
		t.Errorf("stored %+v", got)
	}
	w.err = queue.ErrFull
	var reply *ReplyError
	if err := c.Write(t.Context(), point.Metric, point.Identity, []byte("m f=1 5\n")); !errors.As(err, &reply) || reply.Status != 429 || reply.RetryAfter != "2" {
		t.Errorf("error = %#v, want 429 with Retry-After", err)
	}
}

func TestClientWithoutAgent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none.sock")
	c := NewClient(path)
	defer c.Close()
	if _, err := c.State(t.Context()); !errors.Is(err, ErrNotRunning) || !strings.Contains(err.Error(), path) {
		t.Errorf("no socket: %v", err)
	}
	l, err := listenUnix(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	l.(*unixListener).Listener.Close() // leaves the file
	if _, err := c.State(t.Context()); !errors.Is(err, ErrNotRunning) {
		t.Errorf("a stale socket: %v", err)
	}
}

// blockSink takes blocks as the queue does.
type blockSink struct {
	err  error
	took []*point.Block
}

func (s *blockSink) Put(_ context.Context, b *point.Block) error {
	if s.err != nil {
		return s.err
	}
	if b.Accepted != nil {
		b.Accepted()
	}
	s.took = append(s.took, b)
	return nil
}

func gzipBlock(t *testing.T, lines string) *point.Block {
	t.Helper()
	payload := compressed(t, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }, []byte(lines))
	return &point.Block{Category: point.Network, Encoding: point.Gzip, Points: strings.Count(lines, "\n"), RawBytes: len(lines), Payload: payload}
}

func TestTail(t *testing.T) {
	var sink blockSink
	c, cfg := admin(t, nil)
	out := cfg.Tap.Wrap(&sink)
	put := func(b *point.Block) {
		t.Helper()
		if err := out.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	done := errors.New("seen enough")
	err := c.Tail(t.Context(), []point.Category{point.Network, point.Metric}, func(b Batch) error {
		if b.Category == 0 && len(got) == 0 { // watching has begun
			if s := cfg.Tap.State(); s.Subscribers != 1 {
				t.Errorf("state = %+v", s)
			}
			accepted := 0
			first := gzipBlock(t, "m f=1 1\nm f=2 2\n")
			first.Accepted = func() { accepted++ }
			put(first)
			clear(first.Payload) // the sink owns it and may do that
			if accepted != 1 {
				t.Errorf("Accepted was called %d times", accepted)
			}
			put(&point.Block{Category: point.Logging, Points: 1, Payload: []byte("not asked for")})
			put(&point.Block{Category: point.Metric, Points: 1, Payload: []byte("n f=3 3\n")})
			sink.err = queue.ErrFull
			if err := out.Put(t.Context(), gzipBlock(t, "refused f=1 1\n")); !errors.Is(err, queue.ErrFull) {
				t.Errorf("error of the sink = %v", err)
			}
			sink.err = nil
			put(gzipBlock(t, "last f=1 1\n"))
		}
		if b.Category != 0 {
			got = append(got, fmt.Sprintf("%s %d %s", b.Category, b.Points, b.Lines))
		}
		if len(got) == 3 {
			return done
		}
		return nil
	})
	if !errors.Is(err, done) {
		t.Fatal(err)
	}
	want := []string{"network 2 m f=1 1\nm f=2 2\n", "metric 1 n f=3 3\n", "network 1 last f=1 1\n"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if len(sink.took) != 4 {
		t.Errorf("the sink took %d blocks, want 4", len(sink.took))
	}
}

// A subscriber that does not keep up loses blocks, is told how many points,
// and holds up nobody.
func TestTapSlowSubscriber(t *testing.T) {
	tap := NewTap()
	slow, leaveSlow := tap.subscribe(nil)
	fast, leaveFast := tap.subscribe(nil)
	defer leaveFast()
	out := tap.Wrap(&blockSink{})
	const blocks = tapBuffer + 10
	for range blocks {
		if err := out.Put(t.Context(), &point.Block{Category: point.Metric, Points: 3, Payload: []byte("x")}); err != nil {
			t.Fatal(err)
		}
		<-fast.blocks
	}
	if n := slow.missed.Load(); n != 30 {
		t.Errorf("the slow one missed %d points, want 30", n)
	}
	if n := fast.missed.Load(); n != 0 {
		t.Errorf("the fast one missed %d points", n)
	}
	if len(slow.blocks) != tapBuffer {
		t.Errorf("%d blocks wait, want %d", len(slow.blocks), tapBuffer)
	}
	leaveSlow()
	if s := tap.State(); s.Subscribers != 1 || s.Dropped != 30 {
		t.Errorf("state = %+v", s)
	}
}

// What a reader missed is told with the next frame.
func TestFrames(t *testing.T) {
	var stream []byte
	stream = appendFrame(stream, nil, 0)
	stream = appendFrame(stream, gzipBlock(t, "m f=1 1\n"), 7)
	stream = appendFrame(stream, nil, 9)
	r := newFrameReader(bytes.NewReader(stream))
	for i, want := range []Batch{{}, {Category: point.Network, Lines: []byte("m f=1 1\n"), Points: 1, Missed: 7}, {Missed: 9}} {
		if got, err := r.next(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("batch %d = %+v, %v; want %+v", i, got, err, want)
		}
	}
	if _, err := r.next(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	for name, bad := range map[string]string{
		"no JSON":          "hello\n",
		"cut head":         `{"bytes"`,
		"cut payload":      `{"category":"metric","bytes":10}` + "\nabc",
		"unknown category": `{"category":"x","bytes":1}` + "\na",
		"unknown encoding": `{"category":"metric","encoding":9,"bytes":1}` + "\na",
		"negative size":    `{"category":"metric","bytes":-1}` + "\na",
		"huge size":        `{"category":"metric","bytes":99999999999}` + "\na",
		"not gzip":         `{"category":"metric","encoding":1,"bytes":1}` + "\na",
		"not zstd":         `{"category":"metric","encoding":2,"bytes":4}` + "\nabcd",
	} {
		if _, err := newFrameReader(strings.NewReader(bad)).next(); err == nil || err == io.EOF {
			t.Errorf("%s: error = %v", name, err)
		}
	}
}

// The stream ends when the agent stops.
func TestTailEndsWithTheAgent(t *testing.T) {
	cfg := AdminConfig{Path: filepath.Join(t.TempDir(), "a.sock"), Tap: NewTap(), API: newTestAPI(t, testConfig(&recorder{})), Log: slog.New(slog.DiscardHandler), Level: new(slog.LevelVar)}
	a, err := ListenAdmin(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	c := NewClient(cfg.Path)
	defer c.Close()
	if err := c.Tail(t.Context(), nil, func(Batch) error { stop(); return nil }); err != io.EOF {
		t.Errorf("tail ended with %v, want io.EOF", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if s := cfg.Tap.State(); s.Subscribers != 0 {
		t.Errorf("subscribers = %d", s.Subscribers)
	}
}
