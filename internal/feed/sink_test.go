package feed

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a sink that keeps blocks. It counts them in the step in which it
// accepts them, as a queue does.
type memory struct {
	book *ledger.Book

	mu     sync.Mutex
	blocks []*point.Block
	points int64
	put    func(ctx context.Context, n int) error // asked before a block is taken; n counts calls from 1
	calls  int
	silent bool // do not call Accepted
}

func (m *memory) Put(ctx context.Context, b *point.Block) error {
	m.mu.Lock()
	m.calls++
	n, put := m.calls, m.put
	m.mu.Unlock()
	if put != nil {
		if err := put(ctx, n); err != nil {
			return err
		}
	}
	m.book.Step(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.blocks = append(m.blocks, b)
		m.points += int64(b.Points)
		if !m.silent {
			b.Accepted()
		}
	})
	return nil
}

// account is the conservation law of feed and sink together.
func account(f *Feed, m *memory) ledger.Account {
	s := f.Stats()
	m.mu.Lock()
	defer m.mu.Unlock()
	a := ledger.Account{
		Name: "points", Unit: "points",
		In:   []ledger.Entry{{Name: "captured", Count: s.Captured}},
		Out:  []ledger.Entry{{Name: "filtered", Count: s.Filtered}, {Name: "sampled", Count: s.Sampled}, {Name: "stored", Count: m.points}},
		Held: []ledger.Entry{{Name: "pending", Count: s.Pending}},
	}
	for reason, n := range s.Dropped {
		a.Out = append(a.Out, ledger.Entry{Name: "dropped", Reason: reason, Count: n})
	}
	return a
}

// newTestFeed returns a feed into a memory sink. The ledger of both is
// checked at the end of the test.
func newTestFeed(t *testing.T, cfg Config) (*Feed, *memory) {
	t.Helper()
	m := &memory{book: &ledger.Book{}}
	if cfg.Out == nil {
		cfg.Out = m
	}
	cfg.Book, cfg.Name = m.book, "test"
	f, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	m.book.Add(func() []ledger.Account { return []ledger.Account{account(f, m)} })
	return f, m
}

// finish closes the feed and checks the ledger.
func finish(t *testing.T, f *Feed, m *memory) {
	t.Helper()
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	balanced(t, m)
	if n := f.Stats().Pending; n != 0 {
		t.Errorf("%d points are pending after Close", n)
	}
}

func balanced(t *testing.T, m *memory) {
	t.Helper()
	if err := ledger.Check(m.book.Snapshot()); err != nil {
		t.Error(err)
	}
}

// lines returns the line protocol of a block.
func lines(t *testing.T, b *point.Block) []byte {
	t.Helper()
	var r io.Reader
	var err error
	switch b.Encoding {
	case point.Gzip:
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(b.Payload)); err == nil {
			z.Multistream(false)
			r = z
		}
	case point.Zstd:
		r, err = zstd.NewReader(bytes.NewReader(b.Payload), zstd.WithDecoderConcurrency(1))
	default:
		err = errors.New("no such encoding")
	}
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) != b.RawBytes {
		t.Errorf("block has %d bytes, says %d", len(raw), b.RawBytes)
	}
	if n := decoded(t, raw); n != b.Points {
		t.Errorf("block has %d points, says %d", n, b.Points)
	}
	return raw
}

// decoded counts the points of raw with the decoder of InfluxData, each with a
// nanosecond timestamp.
func decoded(t *testing.T, raw []byte) (points int) {
	t.Helper()
	for d := lineprotocol.NewDecoderWithBytes(raw); d.Next(); points++ {
		stamp, err := d.TimeBytes()
		if err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		if stamp == nil {
			t.Errorf("point %d has no timestamp", points)
		}
	}
	return points
}

// all returns the lines of all blocks.
func (m *memory) all(t *testing.T) (raw []byte) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.blocks {
		raw = append(raw, lines(t, b)...)
	}
	return raw
}

func (m *memory) sizes() (points []int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, b := range m.blocks {
		points = append(points, b.Points)
	}
	return points
}
