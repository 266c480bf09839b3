//go:build e2e

package e2e

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// gate stands before a backend and does what networks and backends do.
type gate struct {
	server *httptest.Server
	proxy  *httputil.ReverseProxy

	mu     sync.Mutex
	fault  http.HandlerFunc // nil: pass
	counts map[string]int
	first  time.Time // of the requests since forget
}

func newGate(t *testing.T, backend string) *gate {
	t.Helper()
	target, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{proxy: httputil.NewSingleHostReverseProxy(target), counts: map[string]int{}}
	g.server = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.server.Close)
	return g
}

func (g *gate) serve(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	if g.first.IsZero() {
		g.first = time.Now()
	}
	g.counts[r.URL.Path]++
	fault := g.fault
	g.mu.Unlock()
	if fault != nil {
		fault(w, r)
		return
	}
	g.proxy.ServeHTTP(w, r)
}

// set makes the gate do something to every request; nil lets all pass.
func (g *gate) set(fault http.HandlerFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fault = fault
}

// forget begins to wait for a first request.
func (g *gate) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.first = time.Time{}
	clear(g.counts)
}

// requests returns how many there were, and when the first came, since forget.
func (g *gate) requests() (n int, first time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.counts {
		n += c
	}
	return n, g.first
}

// status answers with a status, without looking at the body.
func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "by order of the test")
	}
}

// cut drops the connection in the middle of the body, by a reset.
func cut(w http.ResponseWriter, r *http.Request) {
	_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
	c, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// slowly holds requests until begin is closed, and then passes them on, one at
// a time, with a pause before each.
func (g *gate) slowly(begin <-chan struct{}, pause time.Duration) http.HandlerFunc {
	var one sync.Mutex
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-begin:
		case <-r.Context().Done():
			return
		}
		one.Lock()
		defer one.Unlock()
		time.Sleep(pause)
		g.proxy.ServeHTTP(w, r)
	}
}
