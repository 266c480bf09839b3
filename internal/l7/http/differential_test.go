package http

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// handler answers in all the ways a body can be framed.
func handler(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Early") == "" {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	var status, size int
	_, _ = fmt.Sscanf(r.URL.Query().Get("want"), "%d,%d", &status, &size)
	body := bytes.Repeat([]byte("HTTP/1.1 200 OK\r\n"), size/17+1)[:size]
	if r.URL.Query().Has("chunked") {
		w.Header().Set("Trailer", "Sum")
		w.WriteHeader(status)
		for len(body) > 0 {
			n := min(len(body), 1+len(body)/3)
			_, _ = w.Write(body[:n])
			w.(http.Flusher).Flush()
			body = body[n:]
		}
		w.Header().Set("Sum", "1")
		return
	}
	if r.URL.Query().Has("hints") {
		w.Header().Set("Link", "</x>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
	}
	if status != 204 && status != 304 {
		w.Header().Set("Content-Length", fmt.Sprint(size))
	}
	w.WriteHeader(status)
	if status != 204 && status != 304 {
		_, _ = w.Write(body)
	}
}

// randomRequest is one of those the handler knows.
func randomRequest(rng *rand.Rand, url string) *http.Request {
	methods := []string{"GET", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"}
	statuses := []int{200, 200, 201, 204, 304, 404, 500}
	m := methods[rng.IntN(len(methods))]
	target := fmt.Sprintf("%s/%s/%d?want=%d,%d", url, strings.Repeat("p", rng.IntN(40)), rng.IntN(10), statuses[rng.IntN(len(statuses))], rng.IntN(3000))
	if rng.IntN(3) == 0 {
		target += "&chunked"
	}
	if rng.IntN(4) == 0 {
		target += "&hints"
	}
	var body io.Reader
	switch {
	case m != "POST" && m != "PUT" && m != "PATCH":
	case rng.IntN(2) == 0:
		body = strings.NewReader(strings.Repeat("GET / HTTP/1.1\r\n", rng.IntN(200)))
	default: // of a length the client does not know: chunked
		body = io.MultiReader(strings.NewReader(strings.Repeat("x", rng.IntN(2000))), strings.NewReader("y"))
	}
	r, err := http.NewRequest(m, target, body)
	if err != nil {
		panic(err)
	}
	if body != nil && rng.IntN(3) == 0 {
		r.Header.Set("Expect", "100-continue")
	}
	for range rng.IntN(5) {
		r.Header.Add("X-Filler", strings.Repeat("f", rng.IntN(60)))
	}
	return r
}

// recordHTTP1 records a keep-alive connection with n random exchanges.
func recordHTTP1(t *testing.T, rng *rand.Rand, n int) *recording {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(handler))
	defer server.Close()
	r := new(recording)
	dials := 0
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			dials++
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return tap{conn, r}, err
		},
		DisableCompression: true, MaxConnsPerHost: 1, ExpectContinueTimeout: time.Minute,
	}
	defer transport.CloseIdleConnections()
	for range n {
		response, err := transport.RoundTrip(randomRequest(rng, server.URL))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
	}
	if dials != 1 {
		t.Fatalf("%d connections, want 1", dials)
	}
	return r
}

// oracle reads the recorded streams with net/http and returns what there was,
// with times of the recorded chunks.
func oracle(t *testing.T, r *recording) (all []Exchange) {
	t.Helper()
	segments := r.segments()
	timeOf := func(from Side, pos uint64) int64 {
		for _, s := range segments {
			if s.From == from && pos >= s.Pos && pos < s.Pos+uint64(s.Len) {
				return s.Time
			}
		}
		t.Fatalf("position %d of side %d was not recorded", pos, from)
		return 0
	}
	requests, replies := newCounting(r.stream(Local)), newCounting(r.stream(Remote))
	for {
		e := Exchange{Client: Local, GRPCStatus: -1}
		begin := requests.pos()
		request, err := http.ReadRequest(requests.r)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, request.Body); err != nil {
			t.Fatal(err)
		}
		end := requests.pos()
		e.Version = fmt.Sprintf("%d.%d", request.ProtoMajor, request.ProtoMinor)
		e.Method, e.Host = request.Method, request.Host
		e.Path, _, _ = strings.Cut(request.RequestURI, "?")
		e.RequestPos, e.RequestBytes = bases[Local]+begin, end-begin
		e.RequestStart, e.RequestEnd = timeOf(Local, bases[Local]+begin), timeOf(Local, bases[Local]+end-1)

		first := replies.pos()
		for {
			begin = replies.pos()
			reply, err := http.ReadResponse(replies.r, request)
			if err != nil {
				t.Fatal(err)
			}
			if reply.StatusCode < 200 {
				continue
			}
			if _, err := io.Copy(io.Discard, reply.Body); err != nil {
				t.Fatal(err)
			}
			e.Status = reply.StatusCode
			break
		}
		end = replies.pos()
		e.ResponsePos, e.ResponseBytes = bases[Remote]+begin, end-first
		e.ResponseStart, e.ResponseEnd = timeOf(Remote, bases[Remote]+begin), timeOf(Remote, bases[Remote]+end-1)
		all = append(all, e)
	}
	return all
}

// counting is a reader that knows how far its user is.
type counting struct {
	source *bytes.Reader
	r      *bufio.Reader
}

func newCounting(b []byte) *counting {
	source := bytes.NewReader(b)
	return &counting{source, bufio.NewReader(source)}
}

func (c *counting) pos() uint64 {
	return uint64(c.source.Size()) - uint64(c.source.Len()) - uint64(c.r.Buffered())
}

// TestAgainstNetHTTP: what net/http read from the same bytes is what is
// decoded, however the bytes were cut, shuffled and repeated.
func TestAgainstNetHTTP(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	r := recordHTTP1(t, rng, 300)
	want := oracle(t, r)
	if len(want) != 300 {
		t.Fatalf("the oracle saw %d exchanges", len(want))
	}
	tests := []struct {
		name  string
		alter func([]Segment) []Segment
	}{
		{"as written", func(s []Segment) []Segment { return s }},
		{"byte by byte", func(s []Segment) []Segment { return cut(rng, s, 1) }},
		{"small pieces", func(s []Segment) []Segment { return cut(rng, s, 20) }},
		{"packets", func(s []Segment) []Segment { return cut(rng, s, 1448) }},
		{"shuffled and repeated", func(s []Segment) []Segment { return shuffle(rng, cut(rng, s, 700), 3) }},
		{"small pieces, shuffled and repeated", func(s []Segment) []Segment { return shuffle(rng, cut(rng, s, 60), 3) }},
		{"heads", func(s []Segment) []Segment { return capture(rng, s, 128, 256) }},
		{"packets, heads", func(s []Segment) []Segment { return capture(rng, packets(s, 1448), 128, 256) }},
		{"packets, whole heads, shuffled and repeated", func(s []Segment) []Segment { return shuffle(rng, capture(rng, packets(s, 1448), 600, 700), 3) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 3 {
				var stats Stats
				got := decode(Config{Stats: &stats, Names: NewNames()}, tt.alter(r.segments()))
				if strings.Contains(tt.name, "heads") {
					forgetHosts(got, want) // not in the capture when other fields come first
				}
				same(t, tt.name, got, want)
				if stats.Held != 0 {
					t.Errorf("%d bytes held after the end", stats.Held)
				}
			}
		})
	}
}

// forgetHosts takes the hosts of got that are unknown from want.
func forgetHosts(got, want []Exchange) {
	for i := range min(len(got), len(want)) {
		if got[i].Host == "" {
			got[i].Host = want[i].Host
		}
	}
}
