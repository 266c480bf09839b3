package http

import (
	"strings"
	"testing"
)

// feed gives dialogue to c, as play does, but leaves it open.
func feed(c *Conn, dialogue ...string) (n int) {
	var pos [2]uint64
	for i, line := range dialogue {
		from := Local
		if line[0] == '<' {
			from = Remote
		}
		data, size := []byte(line[2:]), len(line)-2
		if at := strings.Index(line, ".."); at >= 0 {
			data, size = data[:at-2], 5000
		}
		c.Feed(&Segment{Time: int64(i + 1), From: from, Pos: pos[from], Len: size, Data: data}, func(*Exchange) { n++ })
		pos[from] += uint64(size)
	}
	return n
}

func TestVerdict(t *testing.T) {
	repeat := func(n int, lines ...string) (all []string) {
		for range n {
			all = append(all, lines...)
		}
		return all
	}
	tests := []struct {
		name     string
		dialogue []string
		want     Verdict
	}{
		{"nothing", nil, Undecided},
		{"request", []string{"> GET / HTTP/1.1\r\n\r\n"}, HTTP},
		{"request with an unknown method", []string{"> BREW /pot HTTP/1.1\r\n\r\n"}, HTTP},
		{"request line of a capture that ends in it", []string{"> GET /pot.."}, HTTP},
		{"the same with an unknown method", []string{"> BREW /pot.."}, Undecided},
		{"response", []string{"< HTTP/1.1 200 OK\r\n\r\n"}, HTTP},
		{"beginning of a request", []string{"> GE"}, Undecided},
		{"preface", []string{"> " + preface}, HTTP},
		{"beginning of a preface", []string{"> PRI * HTTP/2.0\r\n\r\n"}, Undecided},
		{"HTTP/2, caught at a request", []string{"> " + frame2(frameHeaders, 5, 9, "\x82\x86\xbe")}, HTTP},
		{"HTTP/2, caught at a response", []string{"> " + frame2(frameHeaders, 5, 9, "\x88\xbe")}, HTTP},
		{"HTTP/2, caught at a ping", []string{"> " + frame2(framePing, 0, 0, "12345678")}, Undecided},
		{"a body, then a request", append(repeat(20, "< <p>text</p>"), "> GET / HTTP/1.1\r\n\r\n"), HTTP},
		{"TLS", []string{"> \x16\x03\x01\x02\x00", "< \x16\x03\x03\x00\x7a", "> \x14\x03\x03", "< \x17\x03\x03"}, NotHTTP},
		{"MySQL", []string{"< \x4a\x00\x00\x00\x0a8.0.36\x00", "> \x54\x00\x00\x01\x85\xa6", "< \x07\x00\x00\x02\x00", "> \x0f\x00\x00\x00\x03select"}, NotHTTP},
		{"Redis", []string{"> *1\r\n$4\r\nPING\r\n", "< +PONG\r\n", "> *1\r\n$4\r\nPING\r\n", "< +PONG\r\n"}, NotHTTP},
		{"SMTP", []string{"< 220 mx ESMTP\r\n", "> EHLO me\r\n", "< 250 mx\r\n", "> MAIL FROM:<a@b>\r\n", "< 250 ok\r\n"}, NotHTTP},
		{"SIP", []string{"> OPTIONS sip:a@b SIP/2.0\r\n\r\n", "< SIP/2.0 200 OK\r\n\r\n", "> ACK sip:a@b SIP/2.0\r\n\r\n", "< SIP/2.0 200 OK\r\n"}, NotHTTP},
		{"Kafka", repeat(2, "> \x00\x00\x00\x2a\x00\x12\x00\x03\x00\x00\x00\x01", "< \x00\x00\x00\x1a\x00\x00\x00\x01"), NotHTTP},
		{"bulk data", repeat(40, "> \x00\x00\x00\x00"), NotHTTP},
		{"pings for ever", repeat(40, "> "+frame2(framePing, 0, 0, "12345678")), NotHTTP},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stats Stats
			c := New(Config{Stats: &stats})
			feed(c, tt.dialogue...)
			if c.Verdict() != tt.want {
				t.Errorf("verdict %d, want %d", c.Verdict(), tt.want)
			}
			if not := c.Verdict() == NotHTTP; not != (stats.NotHTTP == 1) || not != (c.Capture(Local) == None) {
				t.Errorf("%+v, capture %d", stats, c.Capture(Local))
			}
		})
	}
}

func TestCapture(t *testing.T) {
	const get, ok = "> GET /a HTTP/1.1\r\n\r\n", "< HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	tests := []struct {
		name     string
		headers  bool
		dialogue []string
		want     [2]Capture // of the client, of the server
	}{
		{"nothing seen", false, nil, [2]Capture{Heads, Heads}},
		{"keep-alive", false, []string{get, ok, get, ok}, [2]Capture{Heads, Heads}},
		{"head cut behind the path", false, []string{"> GET /a HTTP/1.1\r\nHost: .."}, [2]Capture{Heads, Heads}},
		{"head cut, trace context wanted", true, []string{"> GET /a HTTP/1.1\r\nHost: .."}, [2]Capture{All, Heads}},
		{"path cut", false, []string{"> GET /a.."}, [2]Capture{All, Heads}},
		{"two requests in a segment", false, []string{get + "GET /b HTTP/1.1\r\n\r\n"}, [2]Capture{All, All}},
		{"two requests before a response", false, []string{get, get, ok}, [2]Capture{All, All}},
		{"message that begins beyond the capture", false, []string{get, "< HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx.."}, [2]Capture{Heads, All}},
		{"HTTP/2", false, []string{"> " + preface}, [2]Capture{All, All}},
		{"perhaps HTTP/2", false, []string{"> " + frame2(framePing, 0, 0, "12345678")}, [2]Capture{All, All}},
		{"web socket", false, []string{get, "< HTTP/1.1 101 Go\r\n\r\n"}, [2]Capture{None, None}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := New(Config{Headers: tt.headers})
			feed(c, tt.dialogue...)
			if got := [2]Capture{c.Capture(Local), c.Capture(Remote)}; got != tt.want {
				t.Errorf("capture %d, want %d", got, tt.want)
			}
		})
	}
	t.Run("pipelining is forgotten", func(t *testing.T) {
		c := New(Config{})
		dialogue := []string{get + "GET /b HTTP/1.1\r\n\r\n", ok, ok}
		for range wantFor {
			dialogue = append(dialogue, get, ok)
		}
		feed(c, dialogue...)
		if c.Capture(Local) != Heads || c.Capture(Remote) != Heads {
			t.Errorf("capture %d %d", c.Capture(Local), c.Capture(Remote))
		}
	})
	t.Run("long paths are not", func(t *testing.T) {
		c := New(Config{})
		dialogue := []string{"> GET /" + strings.Repeat("a", 200) + ".."}
		for range 2 * wantFor {
			dialogue = append(dialogue, ok, "> GET /"+strings.Repeat("a", 200)+" HTTP/1.1\r\n\r\n")
		}
		feed(c, dialogue...)
		if c.Capture(Local) != All || c.Capture(Remote) != Heads {
			t.Errorf("capture %d %d", c.Capture(Local), c.Capture(Remote))
		}
	})
}

// TestBothWait: both sides send what may be the settings of a server. Neither
// waits for ever, neither at the end nor when time passes.
func TestBothWait(t *testing.T) {
	settings := frame2(frameSettings, 0, 0, "")
	for _, tt := range []struct {
		name  string
		later int64
	}{{"until the end", 0}, {"a long time", 10 * maxWait}} {
		t.Run(tt.name, func(t *testing.T) {
			var stats Stats
			c := New(Config{Stats: &stats})
			feed(c, "> "+settings, "< "+settings)
			if stats.Held != 2*int64(len(settings)) {
				t.Fatalf("%d bytes held", stats.Held)
			}
			if tt.later > 0 {
				c.Feed(&Segment{Time: tt.later, From: Local, Pos: 100, Len: 1, Data: []byte("x")}, func(*Exchange) {})
				c.Feed(&Segment{Time: 2 * tt.later, From: Remote, Pos: 100, Len: 1, Data: []byte("x")}, func(*Exchange) {})
			}
			c.Close(-1, func(e *Exchange) { t.Errorf("decoded %s", full(e)) })
			if stats.Held != 0 {
				t.Errorf("%d bytes held after the end", stats.Held)
			}
		})
	}
}
