package queue

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// variants are the configurations that must not differ in what they promise.
func variants() map[string]Config {
	return map[string]Config{
		"interval":       {SyncInterval: time.Hour},
		"per ack":        {SyncInterval: 0},
		"small segments": {SyncInterval: time.Hour, SegmentBytes: minSegment},
		"small, per ack": {SyncInterval: 0, SegmentBytes: minSegment},
		"block":          {SyncInterval: time.Hour, SegmentBytes: minSegment, WhenFull: Block},
	}
}

// eachVariant runs one test over all variants, each in a directory of its own.
func eachVariant(t *testing.T, test func(t *testing.T, cfg Config)) {
	t.Helper()
	for name, cfg := range variants() {
		cfg.Dir = memoryDir(t)
		t.Run(name, func(t *testing.T) { test(t, cfg) })
	}
}

// open opens a queue that is closed at the end of the test.
func open(t testing.TB, cfg Config, backends ...string) *Queue {
	t.Helper()
	if cfg.Book == nil {
		cfg.Book = new(ledger.Book)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	q, err := Open(cfg, backends)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeQueue(t, q) })
	return q
}

func closeQueue(t testing.TB, q *Queue) {
	t.Helper()
	if err := q.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// numbered makes a block that carries its number: n points, a body of about
// size bytes that follows from the number.
func numbered(c point.Category, number uint64, points, size int) *point.Block {
	r := rand.New(rand.NewPCG(number, 1))
	body := make([]byte, 8, 8+size)
	binary.LittleEndian.PutUint64(body, number)
	for range size / 8 {
		body = binary.LittleEndian.AppendUint64(body, r.Uint64())
	}
	return &point.Block{Category: c, Encoding: point.Gzip, Points: points, RawBytes: 3 * len(body), Payload: body}
}

// numberOf checks the content of an entry and returns its number.
func numberOf(t testing.TB, e Entry) uint64 {
	t.Helper()
	if len(e.Payload) < 8 {
		t.Fatalf("payload of %d bytes", len(e.Payload))
	}
	number := binary.LittleEndian.Uint64(e.Payload)
	want := numbered(e.Category, number, e.Points, len(e.Payload)-8)
	if !bytes.Equal(e.Payload, want.Payload) || e.Encoding != want.Encoding || e.RawBytes != want.RawBytes {
		t.Fatalf("block %d came back changed", number)
	}
	return number
}

func put(t testing.TB, q *Queue, blocks ...*point.Block) {
	t.Helper()
	for _, b := range blocks {
		if err := q.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
}

// putN puts the blocks first to last, of one point each.
func putN(t testing.TB, q *Queue, c point.Category, first, last uint64, size int) {
	t.Helper()
	for n := first; n <= last; n++ {
		put(t, q, numbered(c, n, 1, size))
	}
}

// ready returns what Next has within ten seconds.
func ready(t testing.TB, c *Cursor) (entries []Entry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	entries, err := c.Next(ctx, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// drain acknowledges everything that is queued and returns the numbers.
func drain(t testing.TB, c *Cursor) (numbers []uint64) {
	t.Helper()
	for !empty(t, c) {
		entries := ready(t, c)
		for _, e := range entries {
			numbers = append(numbers, numberOf(t, e))
		}
		c.Ack(len(entries))
	}
	return numbers
}

// empty crosses damage, if that is what comes next, and reports whether Next
// has nothing to return.
func empty(t testing.TB, c *Cursor) bool {
	t.Helper()
	for {
		v, err := c.look()
		if err != nil {
			t.Fatal(err)
		}
		if v.wait != nil {
			return true
		}
		entries, blocked, err := c.step(v, 1)
		if err != nil || blocked {
			t.Fatalf("blocked = %v, error = %v", blocked, err)
		}
		if entries != nil {
			c.Rewind()
			return false
		}
	}
}

func sequence(first, last uint64) (all []uint64) {
	for n := first; n <= last; n++ {
		all = append(all, n)
	}
	return all
}

// stats returns the counters of one cursor and checks that they add up.
func stats(t testing.TB, q *Queue, backend string, c point.Category) CursorStats {
	t.Helper()
	for _, s := range q.Stats().Cursors {
		if s.Backend == backend && s.Category == c {
			balance(t, s)
			return s
		}
	}
	t.Fatalf("no cursor of %q in %s", backend, c)
	return CursorStats{}
}

// balance asserts the conservation law of a cursor.
func balance(t testing.TB, s CursorStats) {
	t.Helper()
	var dropped int64
	for _, n := range s.Dropped {
		dropped += n
	}
	if got := s.Carried + s.Put - s.Uploaded - dropped - s.Queued; got != 0 {
		t.Errorf("%s of %s does not add up by %d: %+v", s.Category, s.Backend, got, s)
	}
}

// recount closes q and compares what it says is queued with an independent
// count of the records on disk.
func recount(t testing.TB, q *Queue) Report {
	t.Helper()
	before := q.Stats()
	closeQueue(t, q)
	r, err := Inspect(q.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range before.Cursors {
		balance(t, s)
		b := backendOf(t, r, s.Backend, s.Category)
		if s.Queued != b.Points+b.MissingPoints {
			t.Errorf("%s of %s: %d points queued, recounted %d and %d missing", s.Category, s.Backend, s.Queued, b.Points, b.MissingPoints)
		}
		if b.MissingPoints == 0 && s.Bytes != b.Bytes {
			t.Errorf("%s of %s: %d bytes queued, recounted %d", s.Category, s.Backend, s.Bytes, b.Bytes)
		}
	}
	return r
}

func logOf(t testing.TB, r Report, c point.Category) LogReport {
	t.Helper()
	for _, l := range r.Logs {
		if l.Category == c {
			return l
		}
	}
	t.Fatalf("no log of %s in the report", c)
	return LogReport{}
}

func backendOf(t testing.TB, r Report, backend string, c point.Category) BackendReport {
	t.Helper()
	for _, b := range logOf(t, r, c).Backends {
		if b.Backend == backend {
			return b
		}
	}
	t.Fatalf("no cursor of %q for %s in the report", backend, c)
	return BackendReport{}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error = %v, want %v", err, want)
	}
}

// copyTree copies a directory as it is at this moment.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// memoryDir is a directory on which fsync costs nothing, where there is one:
// for tests that open hundreds of queues.
func memoryDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "queue")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
