package sdk

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/rpc"
)

// host is the agent's end of a child in this process.
type host struct {
	*rpc.Client
	t     *testing.T
	child *child
	log   *buffer
	book  ledger.Book
	tally rpc.Tally
	cut   func()

	mu     sync.Mutex
	blocks []*point.Block
}

func hostOf(t *testing.T, p Program, flags ...given) *host {
	t.Helper()
	h := &host{t: t, log: &buffer{}}
	book := &ledger.Book{}
	h.child = newChild(work{program: p, log: textLog(h.log), book: book, fs: hostfs.Root{}}, flags)
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	if err := (&rpc.Plugin{Collector: h.child, Book: book}).GRPCServer(nil, s); err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(listener) })
	conn, err := grpc.NewClient("unix://"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := (&rpc.Plugin{}).GRPCClient(t.Context(), nil, conn)
	if err != nil {
		t.Fatal(err)
	}
	h.Client = raw.(*rpc.Client)
	h.cut = func() { _ = conn.Close() }
	t.Cleanup(func() {
		_ = conn.Close()
		s.Stop()
		serving.Wait()
	})
	return h
}

// Put implements point.BlockSink.
func (h *host) Put(_ context.Context, b *point.Block) error {
	h.mu.Lock()
	h.blocks = append(h.blocks, b)
	h.mu.Unlock()
	h.book.Step(b.Accepted)
	return nil
}

// lines returns all lines received.
func (h *host) lines() (all []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, b := range h.blocks {
		zr, err := gzip.NewReader(bytes.NewReader(b.Payload))
		if err != nil {
			h.t.Fatal(err)
		}
		raw, err := io.ReadAll(zr)
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, strings.Split(strings.TrimSpace(string(raw)), "\n")...)
	}
	return all
}

// collect runs Collect; the channel gets its result.
func (h *host) collect() <-chan string {
	done := make(chan string, 1)
	go func() {
		leaving, err := h.Collect(context.Background(), h, &h.book, &h.tally)
		if err != nil {
			leaving = "error: " + err.Error()
		}
		done <- leaving
	}()
	return done
}

func TestChildCollectsAndFlushes(t *testing.T) {
	fed := make(chan struct{})
	busy := &actor{hooks: []plugins.Hook{{Feature: "f", Attach: "tp/x", Rung: 2, OK: true}}, run: func(ctx context.Context, out point.Sink) error {
		err := out.Feed(ctx, point.Network, points("m", 1500))
		close(fed)
		<-ctx.Done()
		return errors.Join(err, out.Feed(context.WithoutCancel(ctx), point.Network, points("last", 7)))
	}}
	broken := &actor{load: func() error { return plugins.ErrNotSupported }}
	h := hostOf(t, program(factory("busy", busy), factory("broken", broken)), given{"paint-colour", "green"})
	about, err := h.Describe(t.Context(), "1")
	if err != nil || about.Name != "prog" || about.Version != "1.2.3" || len(about.Plugins) != 2 {
		t.Errorf("Describe returned %+v, %v", about, err)
	}
	done, err := h.Configure(t.Context(), rpc.Config{
		TOML: "[[inputs.x]]\ncolour = 'blue'\n[inputs.x.tags]\nteam = 'a'", Source: "[[inputs.x]]", Tags: map[string]string{"host": "h1", "team": "weaker"},
	})
	if err != nil || len(done.Plugins) != 2 {
		t.Fatalf("Configure returned %+v, %v", done, err)
	}
	if got := h.child.engine.config.(*block).Colour; got != "green" {
		t.Errorf("colour is %q: a flag must beat the block", got)
	}
	ended := h.collect()
	<-fed
	waitFor(t, "the broken plugin", func() bool {
		health, err := h.Health(t.Context())
		return err == nil && len(health.Plugins) == 2 && health.Plugins[1].Phase == plugins.PhaseFailed &&
			health.Plugins[0].Phase == plugins.PhaseRunning && len(health.Plugins[0].Hooks) == 1 && len(health.Accounts) == 2
	})
	left, err := h.Stop(t.Context(), 10*time.Second)
	if err != nil || len(left) != 0 {
		t.Errorf("Stop returned %v, %v", left, err)
	}
	if leaving := <-ended; leaving != "" {
		t.Errorf("Collect ended with %q", leaving)
	}
	lines := h.lines()
	if len(lines) != 1507 || !strings.HasPrefix(lines[1506], "last,") {
		t.Fatalf("%d lines arrived", len(lines))
	}
	if want := "m,host=h1,k=0,team=a v=0i 1000000000000000000"; !sameLine(lines[0], want) {
		t.Errorf("the first line is %q, want %q", lines[0], want)
	}
	totals := h.tally.Totals()
	if totals.Captured != 1507 || totals.Accepted != 1507 || totals.Pending != 0 {
		t.Errorf("account is %+v", totals)
	}
	if h.child.code != 0 {
		t.Errorf("exit code is %d", h.child.code)
	}
}

// sameLine compares lines without regard to the order of tags.
func sameLine(a, b string) bool {
	sorted := func(line string) string {
		key, rest, _ := strings.Cut(line, " ")
		parts := strings.Split(key, ",")
		for range parts {
			for i := 2; i < len(parts); i++ {
				if parts[i-1] > parts[i] {
					parts[i-1], parts[i] = parts[i], parts[i-1]
				}
			}
		}
		return strings.Join(parts, ",") + " " + rest
	}
	return sorted(a) == sorted(b)
}

func TestChildRefusesConfiguration(t *testing.T) {
	h := hostOf(t, withTable())
	_, err := h.Configure(t.Context(), rpc.Config{TOML: "[[inputs.x]]\ncolor = 'blue'", Source: "[[inputs.x]]"})
	if !errors.Is(err, rpc.ErrConfig) || !strings.Contains(err.Error(), "inputs.x.color: unknown key") {
		t.Errorf("Configure returned %v", err)
	}
	if _, err := h.Configure(t.Context(), rpc.Config{}); err != nil {
		t.Errorf("a second, right configuration was refused: %v", err)
	}
	if _, err := h.Configure(t.Context(), rpc.Config{}); err == nil {
		t.Error("a child was configured twice")
	}
}

func TestChildEndsWithItsHost(t *testing.T) {
	running, stopped := make(chan struct{}), make(chan struct{})
	h := hostOf(t, program(factory("p", &actor{run: func(ctx context.Context, _ point.Sink) error {
		close(running)
		<-ctx.Done()
		close(stopped)
		return nil
	}})))
	if _, err := h.Configure(t.Context(), rpc.Config{}); err != nil {
		t.Fatal(err)
	}
	ended := h.collect()
	<-running
	h.cut()
	for _, c := range []<-chan struct{}{stopped, h.child.ended} {
		select {
		case <-c:
		case <-time.After(10 * time.Second):
			t.Fatal("the child goes on without its host")
		}
	}
	<-ended
}

// A child that really grows beyond its limit flushes, says why and leaves.
func TestChildLeavesBeyondItsLimit(t *testing.T) {
	h := hostOf(t, program(factory("p", &actor{run: func(ctx context.Context, out point.Sink) error {
		err := out.Feed(ctx, point.Network, points("m", 3))
		<-ctx.Done()
		return err
	}})))
	h.child.limitEvery, h.child.limitWindow = 10*time.Millisecond, 50*time.Millisecond
	if _, err := h.Configure(t.Context(), rpc.Config{TOML: "mem_limit = '1MiB'"}); err != nil { // less than any Go program has
		t.Fatal(err)
	}
	leaving := <-h.collect()
	if !strings.HasPrefix(leaving, "mem_limit exceeded: ") || h.child.code != rpc.ExitLimit {
		t.Errorf("it left with %q, exit code %d", leaving, h.child.code)
	}
}

func TestStopNamesWhatHangs(t *testing.T) {
	release := make(chan struct{})
	running := make(chan struct{})
	h := hostOf(t, program(factory("deaf", &actor{run: func(context.Context, point.Sink) error {
		close(running)
		<-release
		return nil
	}}), factory("good", &actor{})))
	if _, err := h.Configure(t.Context(), rpc.Config{}); err != nil {
		t.Fatal(err)
	}
	ended := h.collect()
	<-running
	left, err := h.Stop(t.Context(), 100*time.Millisecond)
	if err != nil || len(left) != 1 || left[0] != "plugin deaf" {
		t.Errorf("Stop returned %v, %v", left, err)
	}
	close(release)
	<-ended
}

func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: it did not happen", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
