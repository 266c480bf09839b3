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
	tests := []struct {
		name     string
		dialogue []string
		want     []string
	}{
		{"one", []string{
			"> GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n",
			"< HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		}, []string{"1.1 GET /a 200 30/40 [10 10 20 20]"}},
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
		{"chunked, split anywhere", []string{
			"> GET /a HTTP/1.1\r\n\r\n",
			"< HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1",
			"< 0\r\n0123456789abcdef\r", "< \n3;x=y\r\nabc\r\n0\r\nTrailer: z\r\n\r", "< \n",
		}, []string{"1.1 GET /a 200 19/98 [10 10 20 50]"}},
		{"web socket", []string{
			"> GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
			"< HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello",
			"> GET /not/a/request HTTP/1.1\r\n\r\n",
		}, []string{"1.1 GET /ws 101 61/56 [10 10 20 20] upgraded"}},
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
