package httpapi

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"datakit.dev/agent/internal/point"
)

// recorder is a Writer that checks bodies as the real one does and keeps them.
type recorder struct {
	mu    sync.Mutex
	err   error         // returned instead of storing
	block chan struct{} // when set, Lines waits for it or ctx
	got   []stored
}

type stored struct {
	category point.Category
	lines    Lines
	text     string
	points   int
}

func (w *recorder) Lines(ctx context.Context, c point.Category, l Lines) (int, error) {
	if w.block != nil {
		select {
		case <-w.block:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return 0, w.err
	}
	var s point.Scanner
	var text []byte
	points := 0
	for s.Reset(l.Body, c, l.Precision); s.Next(); points++ {
		text, _ = s.AppendLine(text, nil, 42, nil)
	}
	if err := s.Err(); err != nil {
		return 0, err
	}
	l.Body = nil // it may be read only until Lines returns
	w.got = append(w.got, stored{category: c, lines: l, text: string(text), points: points})
	return points, nil
}

// all returns what was stored.
func (w *recorder) all() []stored {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.got
}

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func testConfig(w Writer) Config {
	now := func() time.Time { return testTime }
	return Config{
		About:  About{Version: "1.2.3", Commit: "abc", Hostname: "h1"},
		Writer: w, Errors: NewErrorLog(now), Registry: prometheus.NewRegistry(),
		Log: slog.New(slog.DiscardHandler), Now: now,
	}
}

func newTestAPI(t testing.TB, cfg Config) *API {
	t.Helper()
	api, err := NewAPI(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// request is a request from loopback.
func request(method, target, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:40000"
	return r
}

func do(h http.Handler, r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRoutes(t *testing.T) {
	tests := map[string]struct {
		method, target, body string
		json                 bool
		status               int
		want                 string
	}{
		"ping": {method: "GET", target: "/v1/ping", status: 200,
			want: `{"content":{"version":"1.2.3","uptime":"0s","host":"h1","commit":"abc"}}`},
		"ntp":                 {method: "GET", target: "/v1/ntp", status: 200, want: `{"timestamp_sec":1767323045}`},
		"unknown":             {method: "GET", target: "/nothing", status: 404, want: page404},
		"wrong method":        {method: "GET", target: "/v1/write/metric", status: 405, want: `{"error_code":"datakit.methodNotAllowed","message":"want POST"}`},
		"last error":          {method: "POST", target: "/v1/lasterror", body: `{"input":"a","source":"b","err_content":"c"}`, status: 200},
		"last error, no name": {method: "POST", target: "/v1/lasterror", body: `{"err_content":"c"}`, status: 400, want: `{"error_code":"datakit.invalidLastError","message":"input and err_content are required"}`},
		"last error, no text": {method: "POST", target: "/v1/lasterror", body: `{"input":"c"}`, status: 400, want: `{"error_code":"datakit.invalidLastError","message":"input and err_content are required"}`},
		"last error, no JSON": {method: "POST", target: "/v1/lasterror", body: `x`, status: 400, want: `{"error_code":"datakit.decodeBodyFailed","message":"invalid character 'x' looking for beginning of value"}`},
		"last error, too long": {method: "POST", target: "/v1/lasterror", body: `{"input":"` + strings.Repeat("x", maxErrorBody) + `"}`, status: 413,
			want: `{"error_code":"datakit.bodyTooLarge","message":"http: request body too large"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := do(newTestAPI(t, testConfig(&recorder{})), request(test.method, test.target, test.body))
			if r.StatusCode != test.status {
				t.Errorf("status = %d, want %d", r.StatusCode, test.status)
			}
			if got := text(t, r); got != test.want {
				t.Errorf("body = %s\nwant   %s", got, test.want)
			}
			if got := r.Header.Get("X-DataKit"); got != "1.2.3/h1" {
				t.Errorf("X-DataKit = %q", got)
			}
		})
	}
}

func TestNotFoundWithoutPage(t *testing.T) {
	cfg := testConfig(&recorder{})
	cfg.Disable404Page = true
	r := do(newTestAPI(t, cfg), request("GET", "/nothing", ""))
	if got := text(t, r); r.StatusCode != 404 || got != `{"error_code":"datakit.notFound","message":"no such path"}` {
		t.Errorf("%d %s", r.StatusCode, got)
	}
}

func TestTimeout(t *testing.T) {
	cfg := testConfig(&recorder{block: make(chan struct{})})
	cfg.Timeout = 20 * time.Millisecond
	r := do(newTestAPI(t, cfg), request("POST", "/v1/write/metric", "m f=1 1"))
	if got := text(t, r); r.StatusCode != 408 || got != "timeout(20ms)" {
		t.Errorf("%d %s, want 408 timeout(20ms)", r.StatusCode, got)
	}
}

// A handler that panics is answered, reported, and does not end the process;
// its body is not recycled, for nobody knows who still reads it.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	cfg := testConfig(panicking{})
	cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
	api := newTestAPI(t, cfg)
	r := do(api, request("POST", "/v1/write/metric", "m f=1 1"))
	if got := text(t, r); r.StatusCode != 500 || !strings.Contains(got, "datakit.internal") {
		t.Errorf("%d %s", r.StatusCode, got)
	}
	for _, want := range []string{"handler panicked", "route=/v1/write/:category", "boom", "panicking.Lines"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %q: %s", want, log.String())
		}
	}
	if !api.bodies.space.TryAcquire(api.bodies.total) {
		t.Error("room for bodies was not given back")
	}
}

type panicking struct{}

func (panicking) Lines(context.Context, point.Category, Lines) (int, error) { panic("boom") }

func TestCORS(t *testing.T) {
	cfg := testConfig(&recorder{})
	cfg.CORSOrigins = []string{"https://app.example"}
	api := newTestAPI(t, cfg)
	for origin, want := range map[string]string{"https://app.example": "https://app.example", "https://evil.example": "", "": ""} {
		r := request("OPTIONS", "/v1/write/rum", "")
		r.Header.Set("Origin", origin)
		reply := do(api, r)
		if got := reply.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("origin %q: allowed %q, want %q", origin, got, want)
		}
		if preflight := reply.StatusCode == 204; preflight != (want != "") {
			t.Errorf("origin %q: status %d", origin, reply.StatusCode)
		}
	}
}

func TestMetrics(t *testing.T) {
	cfg := testConfig(&recorder{})
	cfg.Registry.MustRegister(StateMetrics(func() State { return exampleState() }))
	api := newTestAPI(t, cfg)
	do(api, request("POST", "/v1/write/network", "m f=1 1\nm f=2 2"))
	do(api, request("POST", "/v1/write/network", "bad"))
	got := text(t, do(api, request("GET", "/metrics", "")))
	for _, want := range []string{
		`datakit_http_requests_total{route="/v1/write/:category",status="200"} 1`,
		`datakit_http_requests_total{route="/v1/write/:category",status="400"} 1`,
		`datakit_http_stored_points_total{category="network"} 2`,
		`datakit_http_received_bytes_total{category="network"} 18`,
		`datakit_build_info{commit="abc",version="1.2.3"} 1`,
		`datakit_queue_points{backend="b1",category="network"} 7`,
		`datakit_queue_dropped_points_total{backend="b1",category="network",reason="queue_full"} 3`,
		`datakit_feed_captured_points_total{feed="child/ebpf"} 30`,
		`datakit_plugin_hook_attached{attach="tp_btf/inet_sock_set_state",child="ebpf",feature="tcp state",plugin="ebpf-net"} 1`,
		`datakit_ledger_balance{account="points/b1",unit="points"} 0`,
		`datakit_ledger_entry{account="points/b1",entry="dropped",reason="queue_full",side="out",unit="points"} 3`,
		`datakit_input_up{input="cpu",place="host/cpu.conf:1"} 0`,
		`datakit_backend_up{backend="b1"} 0`,
		`datakit_upload_refused_points_total{backend="b1",category="network",reason="rejected"} 2`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("metrics lack %s", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestConfigErrors(t *testing.T) {
	tests := map[string]struct {
		change func(*Config)
		want   string
	}{
		"no writer":       {func(c *Config) { c.Writer = nil }, "needs a writer"},
		"half TLS":        {func(c *Config) { c.CertFile = "x" }, "both certificate and key"},
		"missing cert":    {func(c *Config) { c.Listen, c.CertFile, c.KeyFile = "127.0.0.1:0", "/nonexistent/c", "/nonexistent/k" }, "load certificate"},
		"relative path":   {func(c *Config) { c.PublicAPIs = []string{"v1/ping"} }, `"v1/ping" does not begin with '/'`},
		"negative limit":  {func(c *Config) { c.MaxBody = -1 }, "must not be negative"},
		"registry in use": {func(c *Config) { newTestMeter(c.Registry) }, "duplicate metrics collector"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(&recorder{})
			test.change(&cfg)
			if _, err := NewServer(cfg); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want one with %q", err, test.want)
			}
		})
	}
}

func newTestMeter(r *prometheus.Registry) {
	if _, err := newMeter(r); err != nil {
		panic(err)
	}
}

func TestErrorLogIsBounded(t *testing.T) {
	now := testTime
	l := NewErrorLog(func() time.Time { now = now.Add(time.Second); return now })
	for i := range maxErrors + 10 {
		l.Report("input", strings.Repeat("x", i), "boom")
	}
	l.Report("input", strings.Repeat("x", 50), "again")
	l.Report("other", "", strings.Repeat("é", maxErrorText))
	list := l.List()
	if len(list) != maxErrors {
		t.Errorf("%d errors, want %d", len(list), maxErrors)
	}
	if first := list[0]; first.Input != "other" || len(first.Text) != maxErrorText {
		t.Errorf("newest = %q with %d bytes", first.Input, len(first.Text))
	}
	if second := list[1]; second.Text != "again" || second.Count != 2 {
		t.Errorf("second = %+v", second)
	}
	l.Report("other", "", "")
	if got := l.List()[0].Text; got != "again" {
		t.Errorf("after clearing, newest = %q", got)
	}
}

func compressed(t testing.TB, compress func(io.Writer) io.WriteCloser, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := compress(&b)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
