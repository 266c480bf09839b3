package rpc

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	protov1 "datakit.dev/agent/plugins/proto/v1"
)

var errEOF = io.EOF

func frame(seq uint64, points int, payload string) *protov1.Frame {
	return &protov1.Frame{Seq: seq, Block: blockToProto(block(points, payload))}
}

func (s Totals) balance() int64 {
	b := s.Captured - s.Accepted - s.Filtered - s.Sampled - s.Unreported - s.Pending
	for _, n := range s.Dropped {
		b -= n
	}
	return b
}

// producer counts as internal/feed does.
type producer struct {
	book *ledger.Book
	mu   sync.Mutex
	c    Counters
}

func (p *producer) read() Counters {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.c
	c.Dropped = map[string]int64{"full": p.c.Dropped["full"]}
	return c
}

func (p *producer) step(move func(c *Counters)) {
	p.book.Step(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		move(&p.c)
	})
}

// At every moment, whatever is in flight, a view of the host's book finds
// every captured point in exactly one place, and the sink and the tally agree
// on what was handed over.
func TestTallyMovesWithTheSink(t *testing.T) {
	kid := &child{}
	p := newPair(t, kid, 4)
	prod := &producer{book: p.book, c: Counters{Dropped: map[string]int64{}}}
	kid.collect = func(ctx context.Context, out *Outlet) error {
		out.SetCounters(prod.read)
		var all sync.WaitGroup
		for w := range 4 {
			all.Go(func() {
				for i := range 100 {
					prod.step(func(c *Counters) {
						c.Captured += 14
						c.Pending += 10
						c.Filtered++
						c.Sampled++
						c.Dropped["full"] += 2
					})
					b := block(10, fmt.Sprint(w, i))
					b.Accepted = func() {
						prod.mu.Lock()
						defer prod.mu.Unlock()
						prod.c.Pending -= 10
						prod.c.Emitted += 10
					}
					if err := out.Put(ctx, b); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		prod.step(func(c *Counters) { c.Captured++; c.Filtered++ })
		return out.Report(ctx, "")
	}
	book, tally := &ledger.Book{}, &Tally{}
	sink := &shelf{book: book}
	var over atomic.Bool
	var looking sync.WaitGroup
	looking.Go(func() {
		for !over.Load() {
			book.View(func() {
				totals := tally.Totals()
				if totals.balance() != 0 {
					t.Errorf("unbalanced: %+v", totals)
				}
				if totals.Accepted != sink.points {
					t.Errorf("the tally says %d points were handed over, the sink %d", totals.Accepted, sink.points)
				}
			})
		}
	})
	_, err := p.Collect(t.Context(), sink, book, tally)
	over.Store(true)
	looking.Wait()
	if err != nil {
		t.Fatal(err)
	}
	want := Totals{Captured: 5601, Accepted: 4000, Filtered: 401, Sampled: 400, Dropped: map[string]int64{"full": 800}}
	if got := tally.Totals(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("in the end %+v, want %+v", got, want)
	}
}

func TestSettleTurnsPendingIntoUnreported(t *testing.T) {
	tally := &Tally{}
	tally.take(Counters{Captured: 100, Emitted: 20, Pending: 70, Filtered: 10}, 30) // 10 more accepted than the child knows
	if got := tally.Totals().Pending; got != 60 {
		t.Errorf("%d points are pending, want 60", got)
	}
	tally.Settle()
	tally.take(Counters{Captured: 5, Pending: 5}, 5) // the next child
	want := Totals{Captured: 105, Accepted: 35, Filtered: 10, Unreported: 60, Dropped: map[string]int64{}}
	if got := tally.Totals(); fmt.Sprint(got) != fmt.Sprint(want) || got.balance() != 0 {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A child that dies in mid-stream: what it saw acknowledged is in the sink,
// nothing is counted twice, the rest is unreported.
func TestDeathInMidStream(t *testing.T) {
	kid := &child{}
	p := newPair(t, kid, 4)
	prod := &producer{book: p.book, c: Counters{Dropped: map[string]int64{}}}
	var acknowledged atomic.Int64
	kid.collect = func(ctx context.Context, out *Outlet) error {
		out.SetCounters(prod.read)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for {
					prod.step(func(c *Counters) { c.Captured += 10; c.Pending += 10 })
					b := block(10, "x")
					b.Accepted = func() { acknowledged.Add(10) }
					if out.Put(ctx, b) != nil {
						return
					}
					if acknowledged.Load() > 500 {
						go p.kill()
					}
				}
			})
		}
		all.Wait()
		return nil
	}
	book, tally := &ledger.Book{}, &Tally{}
	sink := &shelf{book: book}
	if _, err := p.Collect(t.Context(), sink, book, tally); err == nil {
		t.Fatal("Collect returned nil though the child died")
	}
	book.Step(tally.Settle)
	totals := tally.Totals()
	if totals.balance() != 0 || totals.Accepted != sink.points || totals.Pending != 0 {
		t.Errorf("%+v, sink has %d points", totals, sink.points)
	}
	if got := acknowledged.Load(); got > sink.points {
		t.Errorf("the child saw %d points acknowledged, the sink has %d", got, sink.points)
	}
}

var _ point.BlockSink = (*shelf)(nil)
