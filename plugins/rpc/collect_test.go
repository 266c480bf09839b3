package rpc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

func block(points int, payload string) *point.Block {
	return &point.Block{Category: point.Network, Encoding: point.Gzip, Points: points, RawBytes: 10 * points, Payload: []byte(payload)}
}

func TestCollectCarriesBlocksUnchanged(t *testing.T) {
	var accepted atomic.Int32
	p := newPair(t, &child{collect: func(ctx context.Context, out *Outlet) error {
		for i := range 50 {
			b := block(i+1, fmt.Sprint("payload ", i))
			b.Accepted = func() { accepted.Add(1) }
			if err := out.Put(ctx, b); err != nil {
				return err
			}
			if got := int(accepted.Load()); got != i+1 {
				return fmt.Errorf("after %d puts %d blocks were accepted", i+1, got)
			}
		}
		return nil
	}}, 0)
	book := &ledger.Book{}
	sink := &shelf{book: book}
	if _, err := p.Collect(t.Context(), sink, book, &Tally{}); err != nil {
		t.Fatal(err)
	}
	stored := sink.stored()
	if len(stored) != 50 {
		t.Fatalf("%d blocks arrived, want 50", len(stored))
	}
	for i, b := range stored {
		want := block(i+1, fmt.Sprint("payload ", i))
		if b.Category != want.Category || b.Encoding != want.Encoding || b.Points != want.Points ||
			b.RawBytes != want.RawBytes || string(b.Payload) != string(want.Payload) {
			t.Errorf("block %d is %+v, want %+v", i, b, want)
		}
	}
}

func TestPutReturnsOnlyWhenDurable(t *testing.T) {
	returned := make(chan struct{})
	p := newPair(t, &child{collect: func(ctx context.Context, out *Outlet) error {
		defer close(returned)
		return out.Put(ctx, block(1, "x"))
	}}, 0)
	book := &ledger.Book{}
	sink := &shelf{book: book, after: func(int, *point.Block) error {
		select {
		case <-returned:
			t.Error("Put returned in the child before the sink's Put had returned")
		default:
		}
		return nil
	}}
	if _, err := p.Collect(t.Context(), sink, book, &Tally{}); err != nil {
		t.Fatal(err)
	}
}

// Blocks wait for their fsync together, and still enter the sink in order.
func TestCollectKeepsOrderWithSeveralInFlight(t *testing.T) {
	const window = 8
	p := newPair(t, &child{collect: func(ctx context.Context, out *Outlet) error {
		var all sync.WaitGroup
		for range window {
			all.Go(func() {
				if err := out.Put(ctx, block(1, "x")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		return nil
	}}, window)
	book := &ledger.Book{}
	tally := &Tally{}
	var waiting sync.WaitGroup
	waiting.Add(window) // nobody goes on before all are in flight
	sink := &shelf{book: book, after: func(int, *point.Block) error {
		waiting.Done()
		waiting.Wait()
		return nil
	}}
	if _, err := p.Collect(t.Context(), sink, book, tally); err != nil {
		t.Fatal(err)
	}
	if got := tally.Totals().Accepted; got != window {
		t.Errorf("%d points were accepted, want %d", got, window)
	}
}

func TestOrderIsThatOfTheStream(t *testing.T) {
	var list frames
	list.end = errEOF
	for i := range 200 {
		list.list = append(list.list, frame(uint64(i+1), 1, fmt.Sprint(i)))
	}
	book := &ledger.Book{}
	sink := &shelf{book: book}
	if err := newIntake(&list, sink, book, &Tally{}).run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i, b := range sink.stored() {
		if string(b.Payload) != fmt.Sprint(i) {
			t.Fatalf("block %d of the sink is block %s of the stream", i, b.Payload)
		}
	}
	if len(list.acks) != 200 {
		t.Errorf("%d acknowledgements for 200 blocks", len(list.acks))
	}
}

func TestWindowBoundsWhatIsInFlight(t *testing.T) {
	const window = 3
	release := make(chan struct{})
	third := make(chan struct{})
	var sent atomic.Int32
	p := newPair(t, &child{collect: func(ctx context.Context, out *Outlet) error {
		var all sync.WaitGroup
		for range window {
			all.Go(func() {
				sent.Add(1)
				_ = out.Put(ctx, block(1, "x"))
			})
		}
		<-third
		short, cancel := context.WithCancel(ctx)
		cancel()
		if err := out.Put(short, block(1, "beyond")); !errors.Is(err, context.Canceled) {
			t.Errorf("a Put beyond the window returned %v, want to wait until its context ends", err)
		}
		close(release)
		all.Wait()
		return nil
	}}, window)
	book := &ledger.Book{}
	sink := &shelf{book: book, after: func(n int, _ *point.Block) error {
		if n == window-1 {
			close(third)
		}
		<-release
		return nil
	}}
	if _, err := p.Collect(t.Context(), sink, book, &Tally{}); err != nil {
		t.Fatal(err)
	}
	if got := len(sink.stored()); got != window {
		t.Errorf("%d blocks arrived, want %d", got, window)
	}
}

// What the host's queue can never take is told apart from what may pass.
func TestRefusalForGoodReachesTheChild(t *testing.T) {
	for name, refusal := range map[string]error{"for good": fmt.Errorf("put: %w", point.ErrRefused), "for now": errors.New("disk full")} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t, &child{collect: func(ctx context.Context, out *Outlet) error {
				err := out.Put(ctx, block(1, "bad"))
				if want := errors.Is(refusal, point.ErrRefused); err == nil || errors.Is(err, point.ErrRefused) != want {
					t.Errorf("Put: %v, want one for good: %v", err, want)
				}
				return nil
			}}, 0)
			book := &ledger.Book{}
			sink := &shelf{book: book, before: func(int, *point.Block) error { return refusal }}
			if _, err := p.Collect(t.Context(), sink, book, &Tally{}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestRefusedBlockStaysTheChilds(t *testing.T) {
	p := newPair(t, &child{collect: func(ctx context.Context, out *Outlet) error {
		bad := block(1, "bad")
		bad.Accepted = func() { t.Error("a refused block was reported as accepted") }
		if err := out.Put(ctx, bad); err == nil || !strings.Contains(err.Error(), "disk on fire") {
			t.Errorf("Put of a refused block returned %v", err)
		}
		return out.Put(ctx, block(2, "good"))
	}}, 0)
	book := &ledger.Book{}
	tally := &Tally{}
	sink := &shelf{book: book, before: func(_ int, b *point.Block) error {
		if string(b.Payload) == "bad" {
			return errors.New("disk on fire")
		}
		return nil
	}}
	if _, err := p.Collect(t.Context(), sink, book, tally); err != nil {
		t.Fatal(err)
	}
	if got := tally.Totals().Accepted; got != 2 {
		t.Errorf("%d points were accepted, want 2", got)
	}
}

func TestChildNoticesTheLossOfItsHost(t *testing.T) {
	lost := make(chan error, 1)
	running := make(chan struct{})
	p := newPair(t, &child{collect: func(ctx context.Context, out *Outlet) error {
		close(running)
		<-ctx.Done()
		<-out.Done()
		lost <- out.Put(context.Background(), block(1, "x"))
		return nil
	}}, 0)
	book := &ledger.Book{}
	done := make(chan error, 1)
	go func() {
		_, err := p.Collect(t.Context(), &shelf{book: book}, book, &Tally{})
		done <- err
	}()
	<-running
	p.hang()
	if err := <-lost; !errors.Is(err, ErrShutdown) {
		t.Errorf("Put after the loss of the host returned %v, want ErrShutdown", err)
	}
	if err := <-done; !errors.Is(err, ErrShutdown) {
		t.Errorf("Collect returned %v, want ErrShutdown", err)
	}
}

// waitingPair has a child that collects nothing until it is stopped.
func waitingPair(t *testing.T) (p *pair, running <-chan struct{}) {
	t.Helper()
	began := make(chan struct{})
	return newPair(t, &child{collect: func(ctx context.Context, _ *Outlet) error {
		close(began)
		<-ctx.Done()
		return nil
	}}, 0), began
}

func TestHostNoticesTheDeathOfItsChild(t *testing.T) {
	p, running := waitingPair(t)
	go func() {
		<-running
		p.kill()
	}()
	book := &ledger.Book{}
	if _, err := p.Collect(t.Context(), &shelf{book: book}, book, &Tally{}); !errors.Is(err, ErrShutdown) {
		t.Errorf("Collect returned %v, want ErrShutdown", err)
	}
	if _, err := p.Health(t.Context()); !errors.Is(err, ErrShutdown) {
		t.Errorf("Health returned %v, want ErrShutdown", err)
	}
}

func TestCollectEndsWithItsContext(t *testing.T) {
	p, running := waitingPair(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-running
		cancel()
	}()
	book := &ledger.Book{}
	if _, err := p.Collect(ctx, &shelf{book: book}, book, &Tally{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Collect returned %v, want context.Canceled", err)
	}
}

func TestSecondCollectIsRefused(t *testing.T) {
	p := newPair(t, &child{collect: func(context.Context, *Outlet) error { return nil }}, 0)
	book := &ledger.Book{}
	if _, err := p.Collect(t.Context(), &shelf{book: book}, book, &Tally{}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Collect(t.Context(), &shelf{book: book}, book, &Tally{}); err == nil {
		t.Error("a child took a second stream: its blocks could be sent twice")
	}
}

func TestLeavingReachesTheHost(t *testing.T) {
	p := newPair(t, &child{collect: func(ctx context.Context, out *Outlet) error {
		return out.Report(ctx, "cpu_limit exceeded")
	}}, 0)
	book := &ledger.Book{}
	leaving, err := p.Collect(t.Context(), &shelf{book: book}, book, &Tally{})
	if err != nil || leaving != "cpu_limit exceeded" {
		t.Errorf("Collect returned %q, %v", leaving, err)
	}
}
