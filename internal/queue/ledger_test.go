package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// Writers, readers that fail now and then, a reader that is too slow for the
// bound, backends that come and go: at every moment each point of a producer
// is pending there or counted in the queue, for each backend.
func TestLedgerAddsUpAtEveryMoment(t *testing.T) {
	for name, interval := range map[string]time.Duration{"interval": 5 * time.Millisecond, "per ack": 0} {
		t.Run(name, func(t *testing.T) { ledgerUnderLoad(t, interval) })
	}
}

func ledgerUnderLoad(t *testing.T, interval time.Duration) {
	var book ledger.Book
	cfg := Config{Dir: memoryDir(t), MaxBytes: 512 << 10, SyncInterval: interval, Book: &book}
	q := open(t, cfg, "fast", "slow")
	var captured, pending atomic.Int64
	book.Add(func() []ledger.Account { return accounts(q, &captured, &pending) })

	ctx, stop := context.WithCancel(t.Context())
	var readers, writers sync.WaitGroup
	full := make(chan struct{})
	readers.Go(func() { consume(ctx, t, q.Cursor("fast", point.Metric), false) })
	readers.Go(func() { <-full; consume(ctx, t, q.Cursor("slow", point.Metric), true) })
	for w := range uint64(3) {
		writers.Go(func() {
			for n := range uint64(300) {
				b := numbered(point.Metric, n, int(n%9), 2000)
				book.Step(func() { captured.Add(int64(b.Points)); pending.Add(int64(b.Points)) })
				b.Accepted = func() { pending.Add(-int64(b.Points)) }
				if w == 0 && n%3 == 0 {
					err := q.Offer().Put(ctx, b)
					for errors.Is(err, ErrFull) {
						time.Sleep(time.Millisecond) // like a client that was told 429
						err = q.Offer().Put(ctx, b)
					}
					if err != nil {
						t.Error(err)
					}
					continue
				}
				put(t, q, b)
				if w == 1 && n == 250 { // more than the bound
					close(full)
				}
			}
		})
	}
	writers.Go(func() {
		for n := range 21 { // the guest never reads: until it leaves, offers are refused
			names := []string{"fast", "slow", "guest"}[:2+n%2]
			if err := q.SetBackends(names); err != nil {
				t.Error(err)
			}
		}
	})
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	complete := func() bool {
		select {
		case <-done:
			s := stats(t, q, "slow", point.Metric)
			return s.Dropped[QueueFull] > 0 && s.Uploaded > 0 && s.Dropped["bad"] > 0
		default:
			return false
		}
	}
	for !complete() {
		if err := ledger.Check(book.Snapshot()); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	readers.Wait()
	if err := ledger.Check(book.Snapshot()); err != nil {
		t.Error(err)
	}
	if pending.Load() != 0 {
		t.Errorf("%d points are pending at the end", pending.Load())
	}
	for _, backend := range []string{"fast", "slow"} {
		q.Cursor(backend, point.Metric).Rewind()
	}
	recount(t, q)
}

// accounts composes the books the way a program does; guests come later, so
// only their own law holds.
func accounts(q *Queue, captured, pending *atomic.Int64) (all []ledger.Account) {
	for _, s := range q.Stats().Cursors {
		if s.Category != point.Metric {
			continue
		}
		a := ledger.Account{
			Name: "points/" + s.Backend, Unit: "points",
			In:   []ledger.Entry{{Count: s.Carried}, {Count: captured.Load()}},
			Out:  []ledger.Entry{{Count: s.Uploaded}},
			Held: []ledger.Entry{{Count: pending.Load()}, {Count: s.Queued}},
		}
		if s.Backend == "guest" {
			a.In[1].Count, a.Held[0].Count = s.Put, 0
		}
		for reason, n := range s.Dropped {
			a.Out = append(a.Out, ledger.Entry{Name: "dropped", Reason: reason, Count: n})
		}
		all = append(all, a)
	}
	return all
}

// consume acknowledges, rejects and rewinds until ctx ends.
func consume(ctx context.Context, t *testing.T, c *Cursor, slow bool) {
	r := rand.New(rand.NewPCG(1, 2))
	for {
		entries, err := c.Next(ctx, 10_000)
		if errors.Is(err, context.Canceled) {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		for _, e := range entries {
			numberOf(t, e)
		}
		if slow {
			time.Sleep(time.Millisecond)
		}
		switch r.IntN(4) {
		case 0:
			c.Rewind()
		case 1:
			c.Reject(1, "bad")
		default:
			c.Ack(len(entries))
		}
	}
}
