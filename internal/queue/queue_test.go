package queue

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/internal/point"
)

func TestBlocksComeOutInOrderForEveryBackend(t *testing.T) {
	eachVariant(t, func(t *testing.T, cfg Config) {
		q := open(t, cfg, "a", "b")
		putN(t, q, point.Metric, 1, 200, 300)
		putN(t, q, point.Network, 1, 3, 20_000)
		for _, backend := range []string{"a", "b"} {
			if got := drain(t, q.Cursor(backend, point.Metric)); !slices.Equal(got, sequence(1, 200)) {
				t.Errorf("backend %s got %v", backend, got)
			}
			if got := drain(t, q.Cursor(backend, point.Network)); !slices.Equal(got, sequence(1, 3)) {
				t.Errorf("backend %s got %v", backend, got)
			}
			s := stats(t, q, backend, point.Metric)
			if s.Put != 200 || s.Uploaded != 200 || s.Queued != 0 || s.Bytes != 0 || !s.Oldest.IsZero() {
				t.Errorf("stats = %+v", s)
			}
		}
		recount(t, q)
	})
}

func TestWhatIsNotAcknowledgedComesAgainAfterReopen(t *testing.T) {
	eachVariant(t, func(t *testing.T, cfg Config) {
		q := open(t, cfg, "a")
		putN(t, q, point.Logging, 1, 100, 200)
		c := q.Cursor("a", point.Logging)
		var got int
		for got < 37 {
			n := min(len(ready(t, c)), 37-got)
			c.Ack(n)
			c.Rewind()
			got += n
		}
		if s := stats(t, q, "a", point.Logging); s.Uploaded != 37 || s.Queued != 63 {
			t.Errorf("before: %+v", s)
		}
		recount(t, q)

		q = open(t, cfg, "a")
		if s := stats(t, q, "a", point.Logging); s.Carried != 63 || s.Queued != 63 {
			t.Errorf("after: %+v", s)
		}
		putN(t, q, point.Logging, 101, 110, 200)
		if got := drain(t, q.Cursor("a", point.Logging)); !slices.Equal(got, sequence(38, 110)) {
			t.Errorf("after reopening: %v", got)
		}
		recount(t, q)
	})
}

func TestOutstandingEntries(t *testing.T) {
	q := open(t, Config{Dir: t.TempDir(), SyncInterval: time.Hour}, "a")
	putN(t, q, point.Metric, 1, 6, 100)
	c := q.Cursor("a", point.Metric)

	next := func(maxBytes int) (numbers []uint64) {
		t.Helper()
		entries, err := c.Next(t.Context(), maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			numbers = append(numbers, numberOf(t, e))
		}
		return numbers
	}
	record := int(headerSize + len(numbered(point.Metric, 1, 1, 100).Payload))
	if got := next(2 * record); !slices.Equal(got, sequence(1, 2)) {
		t.Fatalf("first call: %v", got)
	}
	if got := next(1); !slices.Equal(got, sequence(3, 3)) {
		t.Fatalf("one entry is returned however small maxBytes is: %v", got)
	}
	if s := stats(t, q, "a", point.Metric); s.Queued != 6 {
		t.Errorf("outstanding entries are still queued: %+v", s)
	}
	c.Ack(1)
	c.Reject(1, "bad_request")
	c.Rewind()
	if got := next(1 << 20); !slices.Equal(got, sequence(3, 6)) {
		t.Fatalf("after the rewind: %v", got)
	}
	c.Ack(99)
	s := stats(t, q, "a", point.Metric)
	if s.Uploaded != 5 || s.Dropped["bad_request"] != 1 || s.Queued != 0 {
		t.Errorf("stats = %+v", s)
	}
}

func TestNextWaitsWithoutPolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, Config{Dir: t.TempDir(), SyncInterval: time.Second}, "a")
		defer closeQueue(t, q)
		c := q.Cursor("a", point.Metric)

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := c.Next(ctx, 1); err != context.DeadlineExceeded {
			t.Fatalf("empty queue: error = %v", err)
		}
		got := make(chan uint64)
		go func() {
			entries, err := c.Next(t.Context(), 1)
			if err != nil {
				t.Error(err)
			}
			got <- numberOf(t, entries[0])
		}()
		synctest.Wait() // it waits
		put(t, q, numbered(point.Metric, 7, 1, 10))
		if n := <-got; n != 7 {
			t.Errorf("got block %d", n)
		}
	})
}

func TestCloseEndsThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, Config{Dir: t.TempDir(), MaxBytes: 1 << 20, SyncInterval: time.Second, WhenFull: Block}, "a")
		reader, writer := make(chan error), make(chan error)
		go func() {
			_, err := q.Cursor("a", point.Metric).Next(t.Context(), 1)
			reader <- err
		}()
		go func() {
			for n := uint64(0); ; n++ {
				if err := q.Put(t.Context(), numbered(point.Network, n, 1, 10_000)); err != nil {
					writer <- err
					return
				}
			}
		}()
		synctest.Wait()
		closeQueue(t, q)
		wantError(t, <-reader, ErrClosed)
		wantError(t, <-writer, ErrClosed)
		wantError(t, q.Put(t.Context(), numbered(point.Metric, 1, 1, 1)), ErrClosed)
		closeQueue(t, q) // twice is fine
	})
}

func TestAcceptedIsCalledInTheStepThatCounts(t *testing.T) {
	eachVariant(t, func(t *testing.T, cfg Config) {
		q := open(t, cfg, "a")
		calls := 0
		b := numbered(point.Metric, 1, 42, 10)
		b.Accepted = func() {
			calls++
			if s := stats(t, q, "a", point.Metric); s.Put != 42 || s.Queued != 42 {
				t.Errorf("counters when accepted: %+v", s)
			}
		}
		put(t, q, b)
		if calls != 1 {
			t.Errorf("accepted %d times", calls)
		}
	})
}

func TestBadBlocksAreRefused(t *testing.T) {
	q := open(t, Config{Dir: t.TempDir(), MaxBytes: 1 << 20, SyncInterval: time.Hour}, "a")
	tests := map[string]struct {
		block *point.Block
		want  string
	}{
		"no category":     {&point.Block{Points: 1}, "put block: category(0) is no category"},
		"negative points": {&point.Block{Category: point.RUM, Points: -1}, "put block: -1 points in 0 bytes are out of range"},
		"too large":       {numbered(point.RUM, 1, 1, 2<<20), "put block of 2097160 bytes: " + ErrTooLarge.Error() + ": at most 917452"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if err := q.Put(t.Context(), test.block); err == nil || err.Error() != test.want {
				t.Errorf("error = %v, want %s", err, test.want)
			}
		})
	}
	if s := q.Stats(); s.Bytes != 0 {
		t.Errorf("%d bytes are used after refusals", s.Bytes)
	}
}

func TestSegmentsAreDeletedWhenAllHavePassed(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), SegmentBytes: minSegment, SyncInterval: time.Hour}
	q := open(t, cfg, "fast", "slow")
	putN(t, q, point.Metric, 1, 100, 1000)
	full := q.Stats().Bytes

	drain(t, q.Cursor("fast", point.Metric))
	q.collect(false)
	if got := q.Stats().Bytes; got != full {
		t.Errorf("%d of %d bytes left while one backend needs them all", got, full)
	}
	drain(t, q.Cursor("slow", point.Metric))
	q.collect(false)
	if got := q.Stats().Bytes; got > 2*minSegment {
		t.Errorf("%d bytes left of a drained queue", got)
	}
	r := recount(t, q)
	if l := logOf(t, r, point.Metric); l.Segments != 1 || l.Bytes != q.Stats().Bytes {
		t.Errorf("on disk: %+v, counted %d bytes", l, q.Stats().Bytes)
	}
	// The numbers go on where they were.
	q = open(t, cfg, "fast", "slow")
	putN(t, q, point.Metric, 101, 101, 10)
	if e := ready(t, q.Cursor("slow", point.Metric)); len(e) != 1 || e[0].Seq != 101 {
		t.Errorf("entries = %+v", e)
	}
}

func TestOldest(t *testing.T) {
	now := time.Unix(1000, 0)
	q := open(t, Config{Dir: t.TempDir(), SyncInterval: time.Hour, Now: func() time.Time { return now }}, "a")
	for n := range uint64(3) {
		put(t, q, numbered(point.Metric, n, 1, 10))
		now = now.Add(time.Minute)
	}
	c := q.Cursor("a", point.Metric)
	oldest := func() int64 { return stats(t, q, "a", point.Metric).Oldest.Unix() }
	if got := oldest(); got != 1000 {
		t.Errorf("oldest = %d", got)
	}
	if got := ready(t, c)[1].Written.Unix(); got != 1060 {
		t.Errorf("second entry was written at %d", got)
	}
	c.Ack(2)
	if got := oldest(); got != 1120 {
		t.Errorf("oldest after two acknowledgements = %d", got)
	}
}
