package upload

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tape is the log of one category and the cursor of one backend, in memory.
type tape struct {
	mu       sync.Mutex
	arrived  chan struct{} // closed and replaced when something is put
	entries  []queue.Entry
	pos      int // delivered
	read     int // handed out
	closed   bool
	fault    error // of the next Next
	uploaded int
	dropped  map[string]int64
}

func newTape(blocks ...point.Block) *tape {
	t := &tape{arrived: make(chan struct{}), dropped: map[string]int64{}}
	t.put(blocks...)
	return t
}

func (t *tape) put(blocks ...point.Block) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, b := range blocks {
		t.entries = append(t.entries, queue.Entry{Block: b})
	}
	close(t.arrived)
	t.arrived = make(chan struct{})
}

func (t *tape) Next(ctx context.Context, maxBytes int) ([]queue.Entry, error) {
	for {
		t.mu.Lock()
		if err := t.fault; err != nil {
			t.fault = nil
			t.mu.Unlock()
			return nil, err
		}
		if t.closed {
			t.mu.Unlock()
			return nil, queue.ErrClosed
		}
		from, size := t.read, 0
		for t.read < len(t.entries) && (t.read == from || size+len(t.entries[t.read].Payload) <= maxBytes) {
			size += len(t.entries[t.read].Payload)
			t.read++
		}
		entries, arrived := slices.Clone(t.entries[from:t.read]), t.arrived
		t.mu.Unlock()
		if len(entries) > 0 {
			return entries, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-arrived:
		}
	}
}

func (t *tape) finish(n int, dropped map[string]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pos+n > t.read {
		panic(fmt.Sprintf("%d entries finished of %d outstanding", n, t.read-t.pos))
	}
	for _, e := range t.entries[t.pos : t.pos+n] {
		t.uploaded += e.Points
	}
	for reason, points := range dropped {
		t.uploaded -= int(points)
		t.dropped[reason] += points
	}
	t.pos += n
}

func (t *tape) Ack(n int) { t.finish(n, nil) }

func (t *tape) Reject(n int, reason string) {
	points := 0
	for _, e := range t.entries[t.pos : t.pos+n] {
		points += e.Points
	}
	t.finish(n, map[string]int64{reason: int64(points)})
}

func (t *tape) Settle(dropped map[string]int64) { t.finish(1, dropped) }

func (t *tape) Rewind() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.read = t.pos
}

func (t *tape) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.put()
}

// attempt is a request that arrived at a backend.
type attempt struct {
	at       time.Time
	category point.Category
	encoding point.Encoding
	points   int
	bytes    int
	lines    string
}

// backend is a Poster that answers with a function and remembers what came.
type backend struct {
	answer func(a attempt) (dataway.Reply, error)

	mu       sync.Mutex
	attempts []attempt
}

func (b *backend) Post(ctx context.Context, c point.Category, e point.Encoding, points int, parts [][]byte) (dataway.Reply, error) {
	a := attempt{at: time.Now(), category: c, encoding: e, points: points}
	for _, p := range parts {
		a.bytes += len(p)
		body, err := decode(&point.Block{Encoding: e, Payload: p, RawBytes: len(unpack(e, p))})
		if err != nil {
			panic(err)
		}
		a.lines += string(body)
	}
	b.mu.Lock()
	b.attempts = append(b.attempts, a)
	b.mu.Unlock()
	return b.answer(a)
}

// unpack decodes with no bound.
func unpack(e point.Encoding, p []byte) []byte {
	var out bytes.Buffer
	switch e {
	case point.Gzip:
		r, err := gzip.NewReader(bytes.NewReader(p))
		if err != nil {
			panic(err)
		}
		_, _ = out.ReadFrom(r)
	case point.Zstd:
		r, err := zstd.NewReader(bytes.NewReader(p))
		if err != nil {
			panic(err)
		}
		defer r.Close()
		_, _ = out.ReadFrom(r)
	default:
		return p
	}
	return out.Bytes()
}

func (b *backend) seen() []attempt {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.attempts)
}

// gaps returns the time between attempts.
func gaps(attempts []attempt) (d []time.Duration) {
	for i := 1; i < len(attempts); i++ {
		d = append(d, attempts[i].at.Sub(attempts[i-1].at))
	}
	return d
}

func done() (dataway.Reply, error) { return dataway.Reply{Verdict: dataway.Done, Status: 204}, nil }

func fails(v dataway.Verdict) (dataway.Reply, error) {
	return dataway.Reply{Verdict: v}, fmt.Errorf("backend says %v", v)
}

// script answers with one function after the other, and done afterwards.
func script(answers ...func() (dataway.Reply, error)) func(attempt) (dataway.Reply, error) {
	return func(attempt) (dataway.Reply, error) {
		if len(answers) == 0 {
			return done()
		}
		answer := answers[0]
		answers = answers[1:]
		return answer()
	}
}

func saying(v dataway.Verdict) func() (dataway.Reply, error) {
	return func() (dataway.Reply, error) { return fails(v) }
}

// block makes a block of lines m v="<text>" <number>.
func block(t *testing.T, e point.Encoding, texts ...string) point.Block {
	t.Helper()
	var raw strings.Builder
	for i, text := range texts {
		fmt.Fprintf(&raw, "m v=%q %d\n", text, i+1)
	}
	b := encode(&point.Block{Category: point.Network, Encoding: e}, []byte(raw.String()), len(texts))
	if e == point.Zstd {
		z, err := zstd.NewWriter(nil)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		b.Encoding, b.Payload = point.Zstd, z.EncodeAll([]byte(raw.String()), nil)
	}
	return *b
}

// start runs an uploader of one category; stop ends it and waits for it.
func start(t *testing.T, cfg Config, cursors map[point.Category]*tape) (u *Uploader, stop func()) {
	t.Helper()
	cfg.Backend = "test"
	cfg.Random = func() float64 { return 0 }
	cfg.Cursor = func(c point.Category) Cursor { return cursors[c] }
	for c := range cursors {
		cfg.Categories = append(cfg.Categories, c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	u = New(cfg)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		u.Run(ctx)
	}()
	return u, func() { cancel(); <-ended }
}

func only(tp *tape) map[point.Category]*tape { return map[point.Category]*tape{point.Network: tp} }

// logged is a logger whose lines can be read.
func logged() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}
