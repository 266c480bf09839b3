//go:build prove

package ingest

import (
	"bufio"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// sink is a backend that answers 204 and counts what it was sent.
type sink struct {
	*httptest.Server
	bytes  atomic.Int64 // on the wire
	points atomic.Int64 // lines in gzipped line protocol; other formats are not counted
}

func newSink(t *testing.T) *sink {
	s := &sink{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := &countingReader{r: r.Body, n: &s.bytes}
		if r.Header.Get("Content-Encoding") == "gzip" {
			if err := s.countLines(body); err != nil {
				t.Errorf("sink: %v", err)
			}
		}
		io.Copy(io.Discard, body)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) countLines(r io.Reader) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	lines := bufio.NewReaderSize(z, 64<<10)
	for {
		chunk, err := lines.ReadSlice('\n')
		if err == io.EOF {
			return nil
		}
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
		if len(chunk) > 0 && chunk[len(chunk)-1] == '\n' {
			s.points.Add(1)
		}
	}
}

type countingReader struct {
	r io.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
