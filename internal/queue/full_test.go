package queue

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"datakit.dev/agent/internal/point"
)

// small is a bound at which a few hundred blocks of 1000 bytes are too many.
func small(t *testing.T) Config {
	return Config{Dir: memoryDir(t), MaxBytes: 256 << 10, SyncInterval: time.Hour}
}

func TestDropOldestTakesOnlyFromWhoLags(t *testing.T) {
	q := open(t, small(t), "fast", "slow")
	fast := q.Cursor("fast", point.Metric)
	var got []uint64
	for n := uint64(1); n <= 1000; n++ {
		putN(t, q, point.Metric, n, n, 1000)
		if n%10 == 0 {
			got = append(got, drain(t, fast)...)
		}
		if used := q.Stats().Bytes; used > q.cfg.MaxBytes {
			t.Fatalf("%d of %d bytes in use", used, q.cfg.MaxBytes)
		}
	}
	if !slices.Equal(got, sequence(1, 1000)) {
		t.Error("the fast backend lost blocks")
	}
	if s := stats(t, q, "fast", point.Metric); s.Uploaded != 1000 || len(s.Dropped) != 0 {
		t.Errorf("fast: %+v", s)
	}
	s := stats(t, q, "slow", point.Metric)
	if s.Dropped[QueueFull] == 0 || s.Dropped[QueueFull]+s.Queued != 1000 {
		t.Errorf("slow: %+v", s)
	}
	if min := q.cfg.MaxBytes * 3 / 4; s.Bytes < min {
		t.Errorf("slow keeps %d bytes, want at least %d", s.Bytes, min)
	}
	left := drain(t, q.Cursor("slow", point.Metric))
	if !slices.Equal(left, sequence(uint64(s.Dropped[QueueFull])+1, 1000)) {
		t.Errorf("slow gets %v", left)
	}
	recount(t, q)
}

func TestOneCategoryCannotPushOutAnother(t *testing.T) {
	q := open(t, Config{Dir: t.TempDir(), MaxBytes: 1 << 20, SyncInterval: time.Hour}, "a")
	putN(t, q, point.KeyEvent, 1, 15, 1000) // less than a 64th
	putN(t, q, point.Network, 1, 100, 1000)
	putN(t, q, point.Logging, 1, 5000, 1000)
	if s := stats(t, q, "a", point.KeyEvent); len(s.Dropped) != 0 {
		t.Errorf("key events: %+v", s)
	}
	if s := stats(t, q, "a", point.Network); len(s.Dropped) != 0 {
		t.Errorf("network: %+v", s)
	}
	if s := stats(t, q, "a", point.Logging); s.Dropped[QueueFull] == 0 {
		t.Errorf("logging: %+v", s)
	}
	if !slices.Equal(drain(t, q.Cursor("a", point.KeyEvent)), sequence(1, 15)) {
		t.Error("key events are lost")
	}
	recount(t, q)
}

func TestOfferIsRefusedAndAcceptedAgain(t *testing.T) {
	q := open(t, small(t), "a")
	var n uint64
	for ; ; n++ {
		err := q.Offer().Put(t.Context(), numbered(point.Tracing, n+1, 1, 1000))
		if err != nil {
			wantError(t, err, ErrFull)
			break
		}
	}
	if n < 200 {
		t.Errorf("full after %d blocks", n)
	}
	if s := stats(t, q, "a", point.Tracing); s.Put != int64(n) || s.Queued != int64(n) {
		t.Errorf("an offer dropped something: %+v", s)
	}
	// A category below its share has room even now.
	if err := q.Offer().Put(t.Context(), numbered(point.Metric, 1, 1, 1000)); err != nil {
		t.Errorf("metric: %v", err)
	}
	if got := drain(t, q.Cursor("a", point.Tracing)); !slices.Equal(got, sequence(1, n)) {
		t.Errorf("got %v", got)
	}
	if err := q.Offer().Put(t.Context(), numbered(point.Tracing, n+1, 1, 1000)); err != nil {
		t.Errorf("after draining: %v", err)
	}
	if q.Full() {
		t.Error("a drained queue says that it is full")
	}
	recount(t, q)
}

func TestBlockWaitsForTheBackends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := small(t)
		cfg.WhenFull = Block
		q := open(t, cfg, "a")
		defer closeQueue(t, q)
		const total = 1000
		var writer sync.WaitGroup
		writer.Go(func() { putN(t, q, point.Metric, 1, total, 1000) })
		synctest.Wait()
		if s := stats(t, q, "a", point.Metric); s.Put == total || s.Put < 200 {
			t.Errorf("put %d blocks without waiting", s.Put)
		}
		var got []uint64
		for len(got) < total {
			got = append(got, drain(t, q.Cursor("a", point.Metric))...)
			synctest.Wait()
		}
		writer.Wait()
		if !slices.Equal(got, sequence(1, total)) {
			t.Error("blocks are missing")
		}
		if s := stats(t, q, "a", point.Metric); len(s.Dropped) != 0 {
			t.Errorf("stats = %+v", s)
		}
	})
}

// What a worker holds while the bound takes it from the disk is not lost yet:
// it counts when the worker has decided.
func TestOverrunOfOutstandingEntries(t *testing.T) {
	tests := map[string]struct {
		decide   func(*Cursor, int)
		uploaded int64
		reason   string
	}{
		"delivered": {func(c *Cursor, n int) { c.Ack(n) }, 3, ""},
		"rejected":  {func(c *Cursor, n int) { c.Reject(n, "bad") }, 0, "bad"},
		"given up":  {func(c *Cursor, _ int) { c.Rewind() }, 0, QueueFull},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			q := open(t, small(t), "a")
			c := q.Cursor("a", point.Metric)
			put(t, q, numbered(point.Metric, 1, 3, 100))
			held := ready(t, c)
			payload := held[0].Payload
			putN(t, q, point.Metric, 2, 1000, 1000)
			before := stats(t, q, "a", point.Metric)
			if numberOf(t, held[0]) != 1 || &held[0].Payload[0] != &payload[0] {
				t.Error("the outstanding entry changed")
			}
			test.decide(c, 1)
			after := stats(t, q, "a", point.Metric)
			if after.Uploaded != test.uploaded {
				t.Errorf("uploaded = %d", after.Uploaded)
			}
			if test.reason != "" && after.Dropped[test.reason] != before.Dropped[test.reason]+3 {
				t.Errorf("dropped = %v, before %v", after.Dropped, before.Dropped)
			}
			left := drain(t, c)
			if !slices.Equal(left, sequence(1001-uint64(len(left)), 1000)) {
				t.Errorf("left: %v", left)
			}
			recount(t, q)
		})
	}
}

// Many writers and a bound that only fits a few blocks: nobody hangs.
func TestFullWithManyWriters(t *testing.T) {
	for name, interval := range map[string]time.Duration{"interval": time.Hour, "per ack": 0} {
		t.Run(name, func(t *testing.T) {
			cfg := small(t)
			cfg.SyncInterval = interval
			q := open(t, cfg, "a")
			var writers sync.WaitGroup
			for w := range 8 {
				writers.Go(func() {
					for n := range uint64(30) {
						put(t, q, numbered(point.Categories()[w%3], n, 1, 30_000))
					}
				})
			}
			writers.Wait()
			var total, queued int64
			for _, s := range q.Stats().Cursors {
				balance(t, s)
				total += s.Put
				queued += s.Queued
			}
			if total != 240 || queued == 0 {
				t.Errorf("put %d, queued %d", total, queued)
			}
			recount(t, q)
		})
	}
}
