package http

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// fields2 makes header blocks as x/net encodes them, with a table that lasts.
type fields2 struct {
	b       bytes.Buffer
	encoder *hpack.Encoder
}

func (f *fields2) block(pairs ...string) string {
	if f.encoder == nil {
		f.encoder = hpack.NewEncoder(&f.b)
	}
	f.b.Reset()
	for i := 0; i < len(pairs); i += 2 {
		_ = f.encoder.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	return f.b.String()
}

func (f *fields2) get(path string) string {
	return f.block(":method", "GET", ":scheme", "http", ":path", path, ":authority", "host")
}

const (
	last = flagEndStream
	done = flagEndHeaders
)

func TestHTTP2(t *testing.T) {
	settings := frame2(frameSettings, 0, 0, "")
	ok := frame2(frameHeaders, done|last, 1, "\x88")
	one := new(fields2).get("/a") // of a connection's first request
	tests := []struct {
		name     string
		dialogue func() []string
		want     []string
	}{
		{"one", func() []string {
			return []string{"> " + preface + settings + frame2(frameHeaders, done|last, 1, one), "< " + settings + ok}
		}, []string{"2 GET /a 200 20/10 [10 10 20 20]"}},
		{"settings of the server come first", func() []string {
			return []string{"< " + settings, "> " + preface + settings + frame2(frameHeaders, done|last, 1, one), "< " + ok}
		}, []string{"2 GET /a 200 20/10 [20 20 30 30]"}},
		{"settings of the server overtake the end of the preface, in pieces", func() []string {
			long := frame2(frameSettings, 0, 0, "\x00\x03\x00\x00\x00\xfa")
			return []string{
				"> " + preface[:5], "< " + long[:4], "< " + long[4:11],
				"> " + preface[5:] + settings + frame2(frameHeaders, done|last, 1, one), "< " + long[11:] + ok,
			}
		}, []string{"2 GET /a 200 20/10 [40 40 50 50]"}},
		{"streams overtake each other", func() []string {
			var f fields2
			return []string{
				"> " + preface + settings + frame2(frameHeaders, done|last, 1, f.get("/a")),
				"> " + frame2(frameHeaders, done|last, 3, f.get("/b?x")), "> " + frame2(frameHeaders, done|last, 5, f.get("/b?x")),
				"< " + settings + frame2(frameHeaders, done, 5, "\x8d"), "< " + frame2(frameHeaders, done|last, 3, "\x88"),
				"< " + frame2(frameData, 0, 5, "no..990"), "< " + frame2(frameData, last, 5, "") + ok,
			}
		}, []string{"2 GET /b 200 18/10 [20 20 50 50]", "2 GET /b 404 13/35 [30 30 40 70]", "2 GET /a 200 20/10 [10 10 70 70]"}},
		{"padding, priority, continuation", func() []string {
			return []string{
				"> " + preface + settings + frame2(frameHeaders, last|flagPadded|flagPriority, 1, "\x03\x80\x00\x00\x00\x10"+one[:4]+"\x00\x00\x00"),
				"> " + frame2(frameContinuation, 0, 1, one[4:9]) + frame2(frameContinuation, done, 1, one[9:]),
				"> " + frame2(framePriority, 0, 1, "\x00\x00\x00\x03\x10") + frame2(framePing, 0, 0, "12345678") + frame2(0xbe, 0xff, 9, "unknown type"),
				"< " + settings + frame2(frameHeaders, done, 1, "\x88") + frame2(frameData, last|flagPadded, 1, "\x02x\x00\x00"),
			}
		}, []string{"2 GET /a 200 47/23 [10 20 40 40]"}},
		{"a header block that is broken off, then another", func() []string {
			return []string{
				"> " + preface + settings + frame2(frameHeaders, last, 1, one[:4]) + frame2(framePing, 0, 0, "12345678") + frame2(frameHeaders, last, 1, one[:4]),
				"> " + frame2(frameContinuation, done, 1, one[4:]), "< " + settings + ok,
			}
		}, []string{"2 GET /a 200 29/10 [10 20 30 30]"}},
		{"trailers, informational response", func() []string {
			var f fields2
			return []string{
				"> " + preface + settings + frame2(frameHeaders, done, 1, f.block(":method", "POST", ":path", "/s/M", "content-type", "application/grpc+proto")),
				"> " + frame2(frameData, 0, 1, "12345") + frame2(frameHeaders, done|last, 1, f.block("x-sum", "1")),
				"< " + settings + frame2(frameHeaders, done, 1, "\x08\x03100"), "< " + frame2(frameHeaders, done, 1, "\x88"),
				"< " + frame2(frameData, 0, 1, "12345") + frame2(frameHeaders, done|last, 1, "\x00\x0bgrpc-status\x0214"),
			}
		}, []string{"2 POST /s/M 200 64/63 [10 20 40 50] grpc 14"}},
		{"trailers only", func() []string {
			var f fields2
			return []string{
				"> " + preface + settings + frame2(frameHeaders, done|last, 1, f.block(":method", "POST", ":path", "/s/M")),
				"< " + settings + frame2(frameHeaders, done|last, 1, "\x88\x0f\x10\x10application/grpc\x00\x0bgrpc-status\x015"),
			}
		}, []string{"2 POST /s/M 200 15/44 [10 10 20 20] grpc 5"}},
		{"gRPC-Web is not gRPC", func() []string {
			var f fields2
			return []string{
				"> " + preface + settings + frame2(frameHeaders, done|last, 1, f.block(":method", "POST", ":path", "/s/M", "content-type", "application/grpc-web")),
				"< " + settings + ok,
			}
		}, []string{"2 POST /s/M 200 31/10 [10 10 20 20]"}},
		{"reset", func() []string {
			var f fields2
			return []string{
				"> " + preface + settings + frame2(frameHeaders, done|last, 1, f.get("/a")) + frame2(frameHeaders, done, 3, f.get("/a")),
				"< " + settings + frame2(frameHeaders, done, 1, "\x88") + frame2(frameData, 0, 1, "abc"),
				"> " + frame2(frameReset, 0, 1, "\x00\x00\x00\x08"), "< " + frame2(frameReset, 0, 3, "\x00\x00\x00\x07") + frame2(frameData, last, 1, "late"),
			}
		}, []string{"2 GET /a 200 20/22 [10 10 20 20]", "2 GET /a 0 13/0 [10 10 0 0]"}},
		{"refused by GOAWAY", func() []string {
			var f fields2
			return []string{
				"> " + preface + settings + frame2(frameHeaders, done|last, 1, f.get("/a")) + frame2(frameHeaders, done|last, 3, f.get("/a")),
				"< " + settings + frame2(frameGoAway, 0, 0, "\x00\x00\x00\x01\x00\x00\x00\x00bye"), "< " + ok,
			}
		}, []string{"2 GET /a 0 13/0 [10 10 0 0]", "2 GET /a 200 20/10 [10 10 30 30]"}},
		{"push is ignored, its fields are not", func() []string {
			var f, g fields2
			return []string{
				"> " + preface + settings + frame2(frameHeaders, done|last, 1, f.get("/a")),
				"< " + settings + frame2(framePushPromise, done, 1, "\x00\x00\x00\x02"+g.block(":path", "/pushed", "x", "418")),
				"< " + frame2(frameHeaders, done|last, 2, g.block(":status", "418")) + frame2(frameHeaders, done|last, 1, g.block(":status", "418")),
			}
		}, []string{"2 GET /a 418 20/10 [10 10 30 30]"}},
		{"caught later: what was said before is unknown", func() []string {
			var f, g fields2
			f.get("/secret")
			g.block(":status", "200", "server", "x")
			return []string{
				"> " + frame2(frameHeaders, done|last, 9, f.get("/secret")), "< " + frame2(frameHeaders, done|last, 9, g.block(":status", "200", "server", "x")),
				"> " + frame2(frameHeaders, done|last, 11, f.get("/new")), "< " + frame2(frameHeaders, done|last, 11, g.block(":status", "404", "server", "x")),
				"> " + frame2(frameHeaders, done|last, 13, f.get("/new")), "< " + frame2(frameHeaders, done|last, 13, g.block(":status", "404", "server", "x")),
			}
		}, []string{"2 GET  200 13/11 [10 10 20 20]", "2 GET /new 404 17/11 [30 30 40 40]", "2 GET /new 404 13/11 [50 50 60 60]"}},
		{"caught within a body", func() []string {
			var f fields2
			return []string{
				"< body..5000", "> " + frame2(framePing, 0, 0, "12345678"), "< body..5000",
				"> " + frame2(frameHeaders, done|last, 11, f.get("/new")), "< " + frame2(frameHeaders, done|last, 11, "\x88"),
			}
		}, []string{"2 GET /new 200 21/10 [40 40 50 50]"}},
		{"headers beyond the capture", func() []string {
			var f fields2
			f.encoder = nil
			long := f.block(":method", "GET", ":scheme", "http", ":path", "/a", "x", strings.Repeat("~", 500))
			h := frame2(frameHeaders, done|last, 1, long)
			cut := h[:60]
			return []string{
				"> " + preface + settings + cut + ".." + strconv.Itoa(len(h)-60), "< " + settings + ok,
				"> " + frame2(frameHeaders, done|last, 3, f.get("/b")), "< " + frame2(frameHeaders, done|last, 3, "\x88"),
				"> " + frame2(frameHeaders, done|last, 5, f.get("/b")), "< " + frame2(frameHeaders, done|last, 5, "\x88"),
				"> " + frame2(frameHeaders, done|last, 7, f.get("/a")), "< " + frame2(frameHeaders, done|last, 7, "\x88"),
			}
		}, []string{"2 GET /a 200 521/10 [10 10 20 20]", "2 GET /b 200 20/10 [30 30 40 40]", "2 GET /b 200 13/10 [50 50 60 60]", "2 GET  200 13/10 [70 70 80 80]"}},
		{"a frame header beyond the capture", func() []string {
			var f fields2
			return []string{
				"> " + preface + settings + frame2(frameHeaders, done|last, 1, f.get("/a")), "< " + settings + ok,
				"> " + frame2(frameData, 0, 1, "xx") + "..100",
				"> " + frame2(frameHeaders, done|last, 3, f.get("/b")), "< " + frame2(frameHeaders, done|last, 3, "\x88"),
			}
		}, []string{"2 GET /a 200 20/10 [10 10 20 20]", "2 GET /b 200 16/10 [40 40 50 50]"}},
		{"upgrade from HTTP/1.1", func() []string {
			var f fields2
			return []string{
				"> GET /up HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: \r\n\r\n",
				"< HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n" + settings + frame2(frameHeaders, done, 1, "\x88"),
				"> " + preface + settings, "< " + frame2(frameData, last, 1, "body"),
				"> " + frame2(frameHeaders, done|last, 3, f.get("/b")), "< " + frame2(frameHeaders, done|last, 3, "\x88"),
			}
		}, []string{"2 GET /up 200 89/73 [10 10 20 40] upgraded", "2 GET /b 200 20/10 [50 50 60 60]"}},
		{"upgrade offered, not taken", func() []string {
			return []string{
				"> GET /up HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", "< HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
				"> GET /b HTTP/1.1\r\n\r\n", "< HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
			}
		}, []string{"1.1 GET /up 200 34/38 [10 10 20 20]", "1.1 GET /b 200 19/38 [30 30 40 40]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := play(t, New(Config{Names: NewNames()}), tt.dialogue()...)
			if a, b := strings.Join(got, "\n"), strings.Join(tt.want, "\n"); a != b {
				t.Errorf("got\n%s\nwant\n%s", a, b)
			}
		})
	}
}
