package http

import (
	"fmt"
	"strings"
	"testing"
)

// play feeds a dialogue and returns what was decoded, one line per exchange.
// Every line is one segment: "> " from Local, "< " from Remote; "..N" at its
// end adds N bytes that were not captured. Times count from 10 by 10.
func play(t *testing.T, c *Conn, dialogue ...string) []string {
	t.Helper()
	var got []string
	pos := [2]uint64{1 << 33, 7}
	out := func(e *Exchange) { got = append(got, brief(e)) }
	for i, line := range dialogue {
		from := Local
		if line[0] == '<' {
			from = Remote
		}
		data, more := line[2:], 0
		if at := strings.LastIndex(data, ".."); at >= 0 {
			if _, err := fmt.Sscanf(data[at:], "..%d", &more); err != nil {
				t.Fatal(line, err)
			}
			data = data[:at]
		}
		s := Segment{Time: int64(i+1) * 10, From: from, Pos: pos[from], Len: len(data) + more, Data: []byte(data)}
		pos[from] += uint64(s.Len)
		c.Feed(&s, out)
	}
	c.Close(int64(len(dialogue)+1)*10, out)
	return got
}

// brief is an exchange without positions.
func brief(e *Exchange) string {
	s := fmt.Sprintf("%s %s %s %d %d/%d [%d %d %d %d]", e.Version, e.Method, e.Path, e.Status,
		e.RequestBytes, e.ResponseBytes, e.RequestStart, e.RequestEnd, e.ResponseStart, e.ResponseEnd)
	if e.Truncated {
		s += " truncated"
	}
	if e.Upgraded {
		s += " upgraded"
	}
	if e.GRPC {
		s += fmt.Sprintf(" grpc %d", e.GRPCStatus)
	}
	return s
}

func TestHTTP1(t *testing.T) {
	const get, ok = "> GET /a HTTP/1.1\r\n\r\n", "< HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" // 19 and 38 bytes
	tests := []struct {
		name     string
		dialogue []string
		want     []string
	}{
		{"query is not part of the path", []string{
			"> GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n",
			"< HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		}, []string{"1.1 GET /a 200 30/40 [10 10 20 20]"}},
		{"the remote end is the client", []string{
			"< GET /a HTTP/1.1\r\n\r\n", "> HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		}, []string{"1.1 GET /a 200 19/38 [10 10 20 20]"}},
		{"keep-alive with bodies", []string{
			"> POST /a HTTP/1.1\r\nContent-Length: 100\r\n\r\n..100",
			"< HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
			"> GET /b HTTP/1.0\r\n\r\n",
			"< HTTP/1.0 404 Not Found\r\n\r\nbody..1000",
			"< ..5000",
		}, []string{"1.1 POST /a 201 141/43 [10 10 20 20]", "1.0 GET /b 404 19/6030 [30 30 40 50]"}},
		{"heads cut, ended by the next request", []string{
			"> GET /a HTTP/1.1\r\nHost: ..300",
			"< HTTP/1.1 200 OK\r\nContent-Le..2000",
			"< <html>..3000",
			"> GET /b HTTP/1.1\r\nHost: ..300",
			"< HTTP/1.1 200 OK\r\nContent-Le..2000",
		}, []string{"1.1 GET /a 200 323/5033 [10 10 20 30]", "1.1 GET /b 200 323/2027 [40 40 50 50]"}},
		{"body that looks like a head", []string{
			"> POST /a HTTP/1.1\r\nHost: ..300",
			"> GET /b HTTP/1.1\r\nno field",
			"< HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n",
			"< HTTP/1.1 404 No\r\nA: b\r\n",
			get, ok,
		}, []string{"1.1 POST /a 200 349/62 [10 20 30 40]", "1.1 GET /a 200 19/38 [50 50 60 60]"}},
		{"chunked, split anywhere", []string{
			get,
			"< HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1",
			"< 0\r\n0123456789abcdef\r", "< \n3;x=y\r\nabc\r\n0\r\nTrailer: z\r\n\r", "< \n",
		}, []string{"1.1 GET /a 200 19/98 [10 10 20 50]"}},
		{"chunks beyond the capture", []string{
			get,
			"< HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabcd..90",
			"< 0\r\n\r\n",
			get, ok,
		}, []string{"1.1 GET /a 200 19/150 [10 10 20 30]", "1.1 GET /a 200 19/38 [40 40 50 50]"}},
		{"chunk beyond the capture, of a known size", []string{
			get,
			"< HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n100\r\nabcd..252",
			"< \r\n0\r\n\r\n",
			get, ok,
		}, []string{"1.1 GET /a 200 19/321 [10 10 20 30]", "1.1 GET /a 200 19/38 [40 40 50 50]"}},
		{"no chunked body although it says so", []string{
			get,
			"< HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz",
			get, ok,
		}, []string{"1.1 GET /a 200 19/50 [10 10 20 20]", "1.1 GET /a 200 19/38 [30 30 40 40]"}},
		{"HEAD, 204 and 304 have no body", []string{
			"> HEAD /a HTTP/1.1\r\n\r\n", "< HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n",
			get, "< HTTP/1.1 204 No Content\r\n\r\n",
			get, "< HTTP/1.1 304 Not Modified\r\nContent-Length: 900\r\n\r\n",
		}, []string{"1.1 HEAD /a 200 20/40 [10 10 20 20]", "1.1 GET /a 204 19/27 [30 30 40 40]", "1.1 GET /a 304 19/50 [50 50 60 60]"}},
		{"100 Continue", []string{
			"> PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
			"< HTTP/1.1 100 Continue\r\n\r\n", "> abc",
			"< HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		}, []string{"1.1 PUT /a 200 63/63 [10 30 40 40]"}},
		{"103 cut, then the response", []string{
			get, "< HTTP/1.1 103 Early Hints\r\nLink: ..400", ok, get, ok,
		}, []string{"1.1 GET /a 200 19/470 [10 10 30 30]", "1.1 GET /a 200 19/38 [40 40 50 50]"}},
		{"server-sent events", []string{
			get,
			"< HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
			"< 8\r\ndata: 1\n\r\n", "< 8\r\ndata: 2\n\r\n",
		}, []string{"1.1 GET /a 200 19/106 [10 10 20 40]"}},
		{"pipelined, several heads in a segment", []string{
			get + "GET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n",
			ok + "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc", ok,
		}, []string{"1.1 GET /a 200 19/38 [10 10 20 20]", "1.1 GET /b 404 19/48 [10 10 20 20]", "1.1 GET /c 200 19/38 [10 10 30 30]"}},
		{"a response before its request, by the order of delivery", []string{
			"> \r\n", "< \r\n", get,
		}, []string{"1.1 GET /a 0 19/0 [30 30 0 0]"}},
		{"early response, the request goes on", []string{
			"> POST /a HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc",
			"< HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n", "> def",
		}, []string{"1.1 POST /a 413 45/45 [10 30 20 20]"}},
		{"empty lines between messages", []string{
			get, ok, "> \r\n", get, ok,
		}, []string{"1.1 GET /a 200 19/38 [10 10 20 20]", "1.1 GET /a 200 19/38 [40 40 50 50]"}},
		{"bare line feeds", []string{
			"> GET /a HTTP/1.1\nHost: x\n\n", "< HTTP/1.1 200\nContent-Length: 1\n\nx",
		}, []string{"1.1 GET /a 200 25/33 [10 10 20 20]"}},
		{"two lengths that agree", []string{
			get, "< HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\nContent-Length: 2\r\n\r\nab", get, ok,
		}, []string{"1.1 GET /a 200 19/62 [10 10 20 20]", "1.1 GET /a 200 19/38 [30 30 40 40]"}},
		{"two lengths that do not agree", []string{
			get, "< HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 900\r\n\r\nab", get, ok,
		}, []string{"1.1 GET /a 200 19/61 [10 10 20 20]", "1.1 GET /a 200 19/38 [30 30 40 40]"}},
		{"behind a balancer, PROXY version 1", []string{
			"> PROXY TCP4 192.0.2.1 192.0.2.2 56324 80\r\nGET /a HTTP/1.1\r\n\r\n", ok,
		}, []string{"1.1 GET /a 200 19/38 [10 10 20 20]"}},
		{"behind a balancer, PROXY version 2, in a segment of its own", []string{
			"> \r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\xdc\x04\x00\x50", get, ok,
		}, []string{"1.1 GET /a 200 19/38 [20 20 30 30]"}},
		{"behind a balancer, HTTP/2", []string{
			"> PROXY UNKNOWN\r\n" + preface2, "< " + frame2(frameHeaders, done|last, 1, "\x88"),
		}, []string{"2 GET / 200 15/10 [10 10 20 20]"}},
		{"web socket", []string{
			"> GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
			"< HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello",
			"> GET /not/a/request HTTP/1.1\r\n\r\n",
		}, []string{"1.1 GET /ws 101 61/56 [10 10 20 20] upgraded"}},
		{"CONNECT", []string{
			"> CONNECT example.com:443 HTTP/1.1\r\n\r\n", "< HTTP/1.1 200 OK\r\n\r\n", "> GET / HTTP/1.1\r\n\r\n",
		}, []string{"1.1 CONNECT  200 36/19 [10 10 20 20] upgraded"}},
		{"CONNECT refused", []string{
			"> CONNECT example.com:443 HTTP/1.1\r\n\r\n", "< HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", get, ok,
		}, []string{"1.1 CONNECT  403 36/38 [10 10 20 20]", "1.1 GET /a 200 19/38 [30 30 40 40]"}},
		{"path beyond the capture", []string{
			"> GET /long/path..300", "< HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		}, []string{"1.1 GET /long/path 200 314/38 [10 10 20 20] truncated"}},
		{"query beyond the capture", []string{
			"> GET /long/path?q..300", "< HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		}, []string{"1.1 GET /long/path 200 316/38 [10 10 20 20]"}},
		{"upload with its head cut, answered early", []string{
			"> POST /a HTTP/1.1\r\nContent-Length: 5000\r\nHost: ..300", "< HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n",
			"> ..5000", get, ok,
		}, []string{"1.1 POST /a 413 5346/45 [10 30 20 20]", "1.1 GET /a 200 19/38 [40 40 50 50]"}},
		{"unanswered", []string{get}, []string{"1.1 GET /a 0 19/0 [10 10 0 0]"}},
		{"cut off in a body", []string{
			get, "< HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nabc",
		}, []string{"1.1 GET /a 200 19/43 [10 10 20 20]"}},
		{"first request unseen", []string{
			"< <html>..1000", "< ..1000", "> GET /b HTTP/1.1\r\n\r\n", ok,
		}, []string{"1.1 GET /b 200 19/38 [30 30 40 40]"}},
		{"first request unseen, its response seen", []string{
			ok, get, ok,
		}, []string{"1.1 GET /a 200 19/38 [20 20 30 30]"}},
		{"408 on an idle connection", []string{
			get, ok, "< HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n",
		}, []string{"1.1 GET /a 200 19/38 [10 10 20 20]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := play(t, New(Config{Names: NewNames()}), tt.dialogue...)
			if a, b := strings.Join(got, "\n"), strings.Join(tt.want, "\n"); a != b {
				t.Errorf("got\n%s\nwant\n%s", a, b)
			}
		})
	}
}
