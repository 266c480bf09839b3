package http

import (
	"strings"
	"testing"
)

func TestStartLine(t *testing.T) {
	tests := []struct {
		name, line string
		cut        bool
		kind       kind
		target     string
		status     int
	}{
		{"request", "GET /a HTTP/1.1\r\n", false, isRequest, "/a", 0},
		{"bare line feed", "GET /a HTTP/1.0\n", false, isRequest, "/a", 0},
		{"raw UTF-8", "GET /\xc3\xa4 HTTP/1.1\r\n", false, isRequest, "/\xc3\xa4", 0},
		{"blank in the target", "GET /a b HTTP/1.1\r\n", false, isRequest, "/a", 0},
		{"any token", "M-SEARCH * HTTP/1.1\r\n", false, isRequest, "*", 0},
		{"lower case is a token too", "get / HTTP/1.1\r\n", false, isRequest, "/", 0},
		{"unfinished", "GET /a HT", false, needMore, "", 0},
		{"unfinished and cut", "GET /a HT", true, isRequest, "/a", 0},
		{"method cut", "DELE", true, notHead, "", 0},
		{"nothing after the method, cut", "GET ", true, notHead, "", 0},
		{"unknown method, cut", "FOO /a", true, notHead, "", 0},
		{"another protocol behind a cut", "GET /a RT", true, notHead, "", 0},
		{"no target", "GET  HTTP/1.1\r\n", false, notHead, "", 0},
		{"HTTP/0.9", "GET /a\r\n", false, notHead, "", 0},
		{"HTTP/2", "GET /a HTTP/2.0\r\n", false, notHead, "", 0},
		{"RTSP", "DESCRIBE rtsp://x RTSP/1.0\r\n", false, notHead, "", 0},
		{"control character", "GET /a\x01 HTTP/1.1\r\n", false, notHead, "", 0},
		{"long token", strings.Repeat("A", 25) + " / HTTP/1.1\r\n", false, notHead, "", 0},
		{"no token", "\x16\x03\x01", false, notHead, "", 0},
		{"preface", preface, false, isPreface, "", 0},
		{"beginning of the preface", preface[:20], false, needMore, "", 0},
		{"beginning of the preface, cut", preface[:20], true, isPreface, "", 0},
		{"status line", "HTTP/1.1 404 Not Found\r\n", false, isReply, "", 404},
		{"no reason", "HTTP/1.0 200\r\n", false, isReply, "", 200},
		{"reason cut", "HTTP/1.1 200 O", true, isReply, "", 200},
		{"status cut", "HTTP/1.1 20", true, notHead, "", 0},
		{"status unfinished", "HTTP/1.1 20", false, needMore, "", 0},
		{"no status", "HTTP/1.1 abc\r\n", false, notHead, "", 0},
		{"status too low", "HTTP/1.1 099\r\n", false, notHead, "", 0},
		{"four digits", "HTTP/1.1 2000\r\n", false, notHead, "", 0},
		{"other version", "HTTP/3.0 200\r\n", false, notHead, "", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var l startLine
			k := l.parse([]byte(tt.line), tt.cut)
			if k != tt.kind || k == isRequest && string(l.target) != tt.target || k == isReply && l.status != tt.status {
				t.Errorf("kind %d, target %q, status %d", k, l.target, l.status)
			}
		})
	}
}

func TestSplitTarget(t *testing.T) {
	tests := []struct {
		name, target string
		connect, cut bool
		path, host   string
		pathCut      bool
	}{
		{"origin", "/a/b?c", false, false, "/a/b", "", false},
		{"empty query", "/a?", false, false, "/a", "", false},
		{"fragment, which is not allowed", "/a#b", false, false, "/a", "", false},
		{"question mark first", "?x", false, false, "", "", false},
		{"absolute", "http://example.com:80/a?b", false, false, "/a", "example.com:80", false},
		{"absolute, upper case", "HTTPS://h/a", false, false, "/a", "h", false},
		{"absolute without path", "http://example.com", false, false, "/", "example.com", false},
		{"absolute, query without path", "http://example.com?a/b", false, false, "/", "example.com", false},
		{"credentials are not handed out", "http://user:secret@h/a", false, false, "/a", "h", false},
		{"authority", "example.com:443", true, false, "", "example.com:443", false},
		{"asterisk", "*", false, false, "*", "", false},
		{"URL within the path", "/x/http://y/z", false, false, "/x/http://y/z", "", false},
		{"colon without slashes", "a:b", false, false, "a:b", "", false},
		{"cut in the path", "/a/b", false, true, "/a/b", "", true},
		{"cut in the query", "/a?b", false, true, "/a", "", false},
		{"cut in the authority", "http://exam", false, true, "", "", true},
		{"cut in the absolute path", "http://h/a", false, true, "/a", "h", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path, host, cut := splitTarget([]byte(tt.target), tt.connect, tt.cut)
			if string(path) != tt.path || string(host) != tt.host || cut != tt.pathCut {
				t.Errorf("path %q, host %q, cut %v", path, host, cut)
			}
		})
	}
}

func TestTraceContext(t *testing.T) {
	const id, span = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	tests := []struct {
		name          string
		fields        []string
		trace, parent string
	}{
		{"W3C", []string{"Traceparent", "00-" + id + "-" + span + "-01"}, id, span},
		{"a later version with more parts", []string{"traceparent", "01-" + id + "-" + span + "-01-x"}, id, span},
		{"more parts than the version has", []string{"traceparent", "00-" + id + "-" + span + "-01-x"}, "", ""},
		{"invalid version", []string{"traceparent", "ff-" + id + "-" + span + "-01"}, "", ""},
		{"zeros", []string{"traceparent", "00-" + strings.Repeat("0", 32) + "-" + span + "-01"}, "", ""},
		{"upper case is not allowed", []string{"traceparent", "00-" + strings.ToUpper(id) + "-" + span + "-01"}, "", ""},
		{"short", []string{"traceparent", "00-" + id}, "", ""},
		{"Datadog", []string{"X-Datadog-Trace-Id", " 18446744073709551615", "x-datadog-parent-id", "7\t"}, "18446744073709551615", "7"},
		{"Datadog with a span", []string{"x-datadog-trace-id", "8", "x-datadog-span-id", "7"}, "8", "7"},
		{"Datadog first", []string{"traceparent", "00-" + id + "-" + span + "-01", "x-datadog-trace-id", "8", "x-datadog-parent-id", "7"}, "8", "7"},
		{"Datadog, too large", []string{"x-datadog-trace-id", "18446744073709551616"}, "", ""},
		{"Datadog, no number", []string{"x-datadog-trace-id", "abc", "traceparent", "00-" + id + "-" + span + "-01"}, id, span},
		{"none", []string{"x", "y"}, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var f traceFields
			for i := 0; i < len(tt.fields); i += 2 {
				f.field([]byte(tt.fields[i]), []byte(tt.fields[i+1]))
			}
			if trace, parent := f.ids(); string(trace) != tt.trace || string(parent) != tt.parent {
				t.Errorf("trace %q, parent %q", trace, parent)
			}
		})
	}
}

func TestMethod(t *testing.T) {
	for _, m := range append([]string{"GET", "POST", "PUT", "HEAD", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"}, rareMethods[:]...) {
		if len(m) > maxMethod || method([]byte(m)) != m {
			t.Errorf("%s is %s", m, method([]byte(m)))
		}
	}
	if m := method([]byte("FOO")); m != otherMethod {
		t.Errorf("FOO is %s", m)
	}
}

func TestNames(t *testing.T) {
	n := NewNames()
	a, b := n.of([]byte("/a")), n.of([]byte("/a"))
	if a != "/a" || b != "/a" || n.of(nil) != "" || (*Names)(nil).of([]byte("x")) != "x" {
		t.Error("not the same")
	}
	path := []byte("/a")
	if allocs := testing.AllocsPerRun(100, func() { n.of(path) }); allocs != 0 {
		t.Errorf("a known string costs %v allocations", allocs)
	}
	long := []byte(strings.Repeat("x", namesLen+1))
	if n.of(long) != string(long) {
		t.Error("long string changed")
	}
	for i := range 100_000 {
		s := strings.Repeat("y", i%30)
		if got := n.of([]byte(s)); got != s {
			t.Fatalf("%q is %q", s, got)
		}
	}
}

func TestConfig(t *testing.T) {
	get := "> GET /" + strings.Repeat("a", 3000) + " HTTP/1.1\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n"
	for _, tt := range []struct {
		name  string
		cfg   Config
		path  int
		trace bool
	}{
		{"defaults", Config{}, 2048, false},
		{"short paths", Config{MaxPath: 10}, 10, false},
		{"long paths, trace context", Config{MaxPath: 5000, Headers: true}, 3001, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got Exchange
			c := New(tt.cfg)
			feed(c, get)
			c.Close(9, func(e *Exchange) { got = *e })
			if len(got.Path) != tt.path || got.Truncated != (tt.path < 3001) || (got.TraceID != "") != tt.trace || (got.ParentID != "") != tt.trace {
				t.Errorf("path of %d bytes, %v, trace %q", len(got.Path), got.Truncated, got.TraceID)
			}
		})
	}
}
