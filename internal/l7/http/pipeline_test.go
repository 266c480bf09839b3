package http

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// recordPipelined records a connection on which the client sends requests in
// batches, in one write or several, before it reads the responses.
func recordPipelined(t *testing.T, rng *rand.Rand, batches int) *recording {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(handler))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r := new(recording)
	tapped := tap{conn, r}
	replies := bufio.NewReader(tapped)
	for range batches {
		var requests []*http.Request
		var bytes []byte
		for range 1 + rng.IntN(8) {
			method := []string{"GET", "HEAD", "POST"}[rng.IntN(3)]
			body := fmt.Sprint(rng.IntN(1000))
			head := fmt.Sprintf("%s /%d?want=200,%d HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", method, rng.IntN(9), rng.IntN(300), len(body))
			bytes = append(append(bytes, head...), body...)
			request, err := http.NewRequest(method, "/", nil)
			if err != nil {
				t.Fatal(err)
			}
			requests = append(requests, request)
			if rng.IntN(3) == 0 {
				_, _ = tapped.Write(bytes)
				bytes = nil
			}
		}
		_, _ = tapped.Write(bytes)
		for _, request := range requests {
			response, err := http.ReadResponse(replies, request)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
		}
	}
	return r
}

// TestPipelining: requests that do not wait for responses.
func TestPipelining(t *testing.T) {
	rng := rand.New(rand.NewPCG(17, 18))
	r := recordPipelined(t, rng, 60)
	want := oracle(t, r)
	if len(want) < 120 {
		t.Fatalf("the oracle saw %d exchanges", len(want))
	}
	for _, tt := range []struct {
		name  string
		alter func([]Segment) []Segment
	}{
		{"as written", func(s []Segment) []Segment { return s }},
		{"byte by byte", func(s []Segment) []Segment { return cut(rng, s, 1) }},
		{"packets", func(s []Segment) []Segment { return packets(s, 1448) }},
		{"shuffled and repeated", func(s []Segment) []Segment { return shuffle(rng, cut(rng, s, 200), 3) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 5 {
				same(t, tt.name, decode(Config{Names: NewNames()}, tt.alter(r.segments())), want)
			}
		})
	}
	t.Run("whole segments when asked for", func(t *testing.T) {
		// What the kernel does with Capture. Only what came before it knew may be incomplete.
		c, n := New(Config{}), 0
		byPos := map[uint64]Exchange{}
		for _, e := range want {
			byPos[e.RequestPos] = e
		}
		missing := len(want)
		out := func(e *Exchange) {
			n++
			if w := byPos[e.RequestPos]; e.Method == w.Method && e.Path == w.Path && e.Status == w.Status {
				missing--
			} else if e.Status != 0 && e.Status != w.Status {
				t.Errorf("got %s, want %s", full(e), full(&w))
			}
		}
		for _, s := range r.segments() {
			if c.Capture(s.From) == Heads {
				s.Data = s.Data[:min(len(s.Data), 256)]
			}
			c.Feed(&s, out)
		}
		c.Close(1<<40, out)
		t.Logf("%d of %d exchanges are missing", missing, len(want))
		if missing > 8 {
			t.Errorf("%d of %d exchanges are missing", missing, len(want))
		}
	})
}
