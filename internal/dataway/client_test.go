package dataway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

func TestReplies(t *testing.T) {
	tests := []struct {
		name   string
		kind   Kind
		status int
		header http.Header
		body   string
		want   Reply
	}{
		{"200", Dataway, 200, nil, "", Reply{Verdict: Done}},
		{"204", Dataway, 204, nil, "", Reply{Verdict: Done}},
		{"408", Dataway, 408, nil, "slow", Reply{Verdict: Retry, Sample: "slow"}},
		{"429 without a wish", Dataway, 429, nil, "", Reply{Verdict: Retry}},
		{"429 seconds", Dataway, 429, http.Header{"Retry-After": {"7"}}, "", Reply{Verdict: Retry, After: 7 * time.Second}},
		{"500", Dataway, 500, nil, "oops", Reply{Verdict: Retry, Sample: "oops"}},
		{"503 date", Dataway, 503, http.Header{"Retry-After": {"Sat, 21 Nov 2026 04:41:30 GMT"}, "Date": {"Sat, 21 Nov 2026 04:41:00 GMT"}}, "", Reply{Verdict: Retry, After: 30 * time.Second}},
		{"599", Dataway, 599, nil, "", Reply{Verdict: Retry}},
		{"301", Dataway, 301, http.Header{"Location": {"http://elsewhere.example/x?token=t"}}, "", Reply{Verdict: Slow}},
		{"307", Dataway, 307, http.Header{"Location": {"/v2"}}, "", Reply{Verdict: Slow}},
		{"401", Dataway, 401, nil, "", Reply{Verdict: Slow}},
		{"403", Dataway, 403, http.Header{"Retry-After": {"7"}}, "beyondDataUsage", Reply{Verdict: Slow, Sample: "beyondDataUsage"}},
		{"404", Dataway, 404, nil, "", Reply{Verdict: Slow}},
		{"407", Dataway, 407, nil, "", Reply{Verdict: Slow}},
		{"413", Dataway, 413, nil, "", Reply{Verdict: TooLarge}},
		{"400", Dataway, 400, nil, "bad line", Reply{Verdict: Bad, Sample: "bad line"}},
		{"410", Dataway, 410, nil, "", Reply{Verdict: Bad}},
		{"422", Dataway, 422, nil, "", Reply{Verdict: Bad}},
		{"InfluxDB 1.x partial write", Influx1, 400, nil, `{"error":"partial write: field type conflict dropped=1"}`, Reply{Verdict: Bad, Sample: `{"error":"partial write: field type conflict dropped=1"}`, Rejected: 1}},
		{"InfluxDB 2.x partial write", Influx2, 422, nil, `{"code":"unprocessable entity","message":"failure writing points to database: partial write: field type conflict: input field dropped=12 for database: b"}`,
			Reply{Verdict: Bad, Sample: `{"code":"unprocessable entity","message":"failure writing points to database: partial write: field type conflict: input field dropped=12 for database: b"}`, Rejected: 12}},
		{"partial write of a number out of range", Influx1, 400, nil, "partial write: dropped=99999999999999999999", Reply{Verdict: Bad, Sample: "partial write: dropped=99999999999999999999"}},
		{"InfluxDB 1.x without db", Influx1, 400, nil, `{"error":"database is required"}`, Reply{Verdict: Slow, Sample: `{"error":"database is required"}`}},
		{"long and broken text", Dataway, 500, nil, "\xff" + strings.Repeat("x", 2*maxReply), Reply{Verdict: Retry, Sample: "\uFFFD" + strings.Repeat("x", maxSample-3)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				for k, v := range tt.header {
					w.Header()[k] = v
				}
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			c := client(t, Target{Kind: tt.kind, URL: s.URL + "?token=t", Org: "o", Bucket: "b"})
			got, err := c.Post(t.Context(), point.Network, point.Identity, 1, [][]byte{[]byte("m f=1 1\n")})
			if (err == nil) != (tt.want.Verdict == Done) {
				t.Errorf("error is %v with verdict %v", err, got.Verdict)
			}
			if got.Date.IsZero() {
				t.Error("the clock of the backend is missing")
			}
			tt.want.Status, tt.want.Date = tt.status, got.Date
			if got != tt.want {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	followed := false
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		followed = followed || r.URL.Path == "/elsewhere"
		http.Redirect(w, r, "/elsewhere?token=tkn_secret", http.StatusPermanentRedirect)
	})
	reply, err := client(t, Target{Kind: Dataway, URL: s.URL, Token: "tkn_secret"}).
		Post(t.Context(), point.Metric, point.Identity, 1, [][]byte{[]byte("m f=1 1\n")})
	if followed || reply.Verdict != Slow {
		t.Errorf("followed %v, verdict %v", followed, reply.Verdict)
	}
	if err == nil || !strings.Contains(err.Error(), "/elsewhere, redirects are not followed") || strings.Contains(err.Error(), "secret") {
		t.Errorf("error is %v", err)
	}
}

func TestBrokenConnections(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	tests := []struct {
		name string
		addr string
		want Verdict
	}{
		{"refused", closed.Addr().String(), Retry},
		{"dropped at once", listen(t, func(net.Conn) {}), Retry},
		{"dropped mid-body", listen(t, func(c net.Conn) { takeHalf(c) }), Retry},
		{"reply cut in its header", listen(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1024))
			_, _ = io.WriteString(c, "HTTP/1.1 204 No Con")
		}), Retry},
		{"not HTTP", listen(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 1024))
			_, _ = io.WriteString(c, "SSH-2.0-OpenSSH\r\n")
		}), Retry},
		{"2xx whose body is cut", listen(t, func(c net.Conn) {
			takeHalf(c)
			_, _ = io.Copy(io.Discard, io.LimitReader(c, 450<<10))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
		}), Done},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := client(t, Target{Kind: Influx1, URL: "http://" + tt.addr, Timeout: 5 * time.Second})
			got, err := c.Post(t.Context(), point.Network, point.Identity, 1, [][]byte{make([]byte, 900<<10)})
			if got.Verdict != tt.want || (err == nil) != (tt.want == Done) {
				t.Errorf("got %+v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

// takeHalf lets a client send its body and reads half of 900 KiB.
func takeHalf(c net.Conn) {
	if _, err := http.ReadRequest(bufio.NewReaderSize(c, 16)); err != nil {
		return
	}
	_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\n")
	_, _ = io.Copy(io.Discard, io.LimitReader(c, 450<<10))
}

func TestSlowBackend(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { <-release })
	defer close(release)
	one := [][]byte{[]byte("m f=1 1\n")}

	c := client(t, Target{Kind: Influx1, URL: s.URL, Timeout: 20 * time.Millisecond})
	reply, err := c.Post(t.Context(), point.Network, point.Identity, 1, one)
	if reply.Verdict != Retry || !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "no reply within 20ms") {
		t.Errorf("timeout: %v, %v", reply.Verdict, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	reply, err = c.Post(ctx, point.Network, point.Identity, 1, one)
	if reply.Verdict != Retry || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v, %v", reply.Verdict, err)
	}
}

// A server that refuses a body by its length and closes resets the connection
// while the body is still coming; the reply must be seen nevertheless.
func TestEarlyRefusalOfLargeBody(t *testing.T) {
	addr := listen(t, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		}
	})
	c := client(t, Target{Kind: Influx1, URL: "http://" + addr})
	for range 10 {
		reply, err := c.Post(t.Context(), point.Network, point.Identity, 1, [][]byte{make([]byte, 8<<20)})
		if reply.Verdict != TooLarge {
			t.Fatalf("%v (%v), want %v", reply.Verdict, err, TooLarge)
		}
	}
}

func TestConnectionIsUsedAgain(t *testing.T) {
	remotes := map[string]bool{}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		remotes[r.RemoteAddr] = true
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, strings.Repeat("x", maxReply/2))
	})
	c := client(t, Target{Kind: Influx1, URL: s.URL})
	for range 5 {
		_, _ = c.Post(t.Context(), point.Network, point.Identity, 1, [][]byte{[]byte("m f=1 1\n")})
	}
	if len(remotes) != 1 {
		t.Errorf("%d connections for 5 requests", len(remotes))
	}
}
