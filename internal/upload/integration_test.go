package upload

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

// faulty is an HTTP backend that answers every other request with the next of
// its faults and keeps the lines of the rest.
type faulty struct {
	faults []http.HandlerFunc
	bad    string // a body with this text gets 400

	mu    sync.Mutex
	turn  int
	lines map[string]int
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.turn++; f.turn%2 == 0 && len(f.faults) > 0 {
		f.faults[f.turn/2%len(f.faults)](w, r)
		return
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body, err := io.ReadAll(z)
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	case len(body) > 4000:
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	case f.bad != "" && bytes.Contains(body, []byte(f.bad)):
		http.Error(w, "unable to parse "+f.bad, http.StatusBadRequest)
	default:
		for line := range strings.Lines(string(body)) {
			f.lines[line]++
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

func answer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

func drop(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// From the queue's files over HTTP to a backend with faults: every line
// arrives or is a dead letter, and the counters of the queue say which.
func TestQueueToBackend(t *testing.T) {
	f := &faulty{faults: []http.HandlerFunc{answer(503), drop, answer(429), answer(408), answer(500)}, bad: "poison", lines: map[string]int{}}
	server := httptest.NewServer(f)
	defer server.Close()
	client, err := dataway.New(dataway.Target{Name: "a", Kind: dataway.Influx1, URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	dead, err := dataway.NewStore(dataway.StoreConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	book := new(ledger.Book)
	q, err := queue.Open(queue.Config{Dir: t.TempDir(), Book: book, SyncInterval: time.Hour}, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()

	const blocks = 120
	points := 0
	want := map[string]bool{}
	for n := range blocks {
		var raw strings.Builder
		lines := 1 + n%50
		if n%40 == 0 {
			lines = 300 // more than the backend takes at once
		}
		for i := range lines {
			text := fmt.Sprintf("value number %d", n*1000+i)
			switch {
			case n == 60 && i == 1:
				text = "poison"
			case n == 80 && i == 7:
				text = strings.Repeat("x", 5000)
			}
			line := fmt.Sprintf("m v=%q %d\n", text, n*1000+i)
			raw.WriteString(line)
			want[line] = true
		}
		b := encode(&point.Block{Category: point.Network, Encoding: point.Gzip}, []byte(raw.String()), lines)
		points += lines
		if err := q.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}

	u := New(Config{
		Backend: "a", Post: client, Categories: []point.Category{point.Network, point.Metric}, DeadLetters: dead,
		Cursor: func(c point.Category) Cursor { return q.Cursor("a", c) },
		Retry:  Delays{time.Millisecond, 2 * time.Millisecond}, Slow: Delays{time.Millisecond, 2 * time.Millisecond},
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		defer cancel()
		for ctx.Err() == nil && queued(q) > 0 {
			time.Sleep(time.Millisecond)
		}
	}()
	u.Run(ctx)

	var s queue.CursorStats
	for _, c := range q.Stats().Cursors {
		if c.Category == point.Network {
			s = c
		}
	}
	refused := s.Dropped[Rejected]
	if s.Queued != 0 || s.Uploaded+refused+1 != int64(points) || s.Dropped[TooLarge] != 1 || refused == 0 || refused > 50 {
		t.Errorf("%d points put, stats of the queue %+v", points, s)
	}
	if arrived := int64(len(f.lines)); arrived != s.Uploaded {
		t.Errorf("%d lines arrived, %d counted as uploaded", arrived, s.Uploaded)
	}
	for line := range f.lines {
		if !want[line] {
			t.Errorf("a line nobody sent arrived: %.100q", line)
		}
	}
	if d := dead.Stats(); d.Points != refused+1 {
		t.Errorf("%d dead letters, want %d", d.Points, refused+1)
	}
	if st := u.Stats()[point.Network]; st.Points != s.Uploaded || st.Retries == 0 || st.DeadLetters[Rejected] != refused {
		t.Errorf("stats %+v, of the queue %+v", st, s)
	}
}

func queued(q *queue.Queue) (n int64) {
	for _, c := range q.Stats().Cursors {
		n += c.Queued
	}
	return n
}

// BenchmarkDrain measures the way from the queue's files to a backend that
// takes everything.
func BenchmarkDrain(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer server.Close()
	client, err := dataway.New(dataway.Target{Name: "a", Kind: dataway.Influx1, URL: server.URL})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	q, err := queue.Open(queue.Config{Dir: b.TempDir(), SyncInterval: time.Hour}, []string{"a"})
	if err != nil {
		b.Fatal(err)
	}
	defer q.Close()
	block := point.Block{Category: point.Network, Encoding: point.Gzip, Points: 1000, RawBytes: 561_000, Payload: make([]byte, 40_000)}
	b.SetBytes(int64(len(block.Payload)))
	b.ReportAllocs()
	for b.Loop() {
		copied := block
		if err := q.Put(b.Context(), &copied); err != nil {
			b.Fatal(err)
		}
	}
	u := New(Config{Backend: "a", Post: client, Categories: []point.Category{point.Network}, Cursor: func(c point.Category) Cursor { return q.Cursor("a", c) }})
	ctx, cancel := context.WithCancel(b.Context())
	began := time.Now()
	ended := make(chan struct{})
	go func() { defer close(ended); u.Run(ctx) }()
	for queued(q) > 0 {
		time.Sleep(100 * time.Microsecond)
	}
	b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(b.N), "drain-ns/op")
	cancel()
	<-ended
}
