package http

import "testing"

// TestFinished: what the end of one side says, after some segments.
func TestFinished(t *testing.T) {
	const (
		get     = "GET / HTTP/1.1\r\n\r\n"
		chunks  = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n"
		post    = "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n"
		hi      = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
		endless = "HTTP/1.0 200 OK\r\n\r\nhi"
		begun   = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"
		refused = "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n"
		up      = "GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n"
		switchs = "HTTP/1.1 101 Ok\r\nUpgrade: x\r\n\r\n"
	)
	type said struct {
		from Side
		text string
	}
	client, server := Local, Remote
	tests := []struct {
		name string
		said []said
		from Side
		late int // bytes before the end that are missing
		over bool
		want int // exchanges once it is closed, if it is over
	}{
		{"the client, with everything answered", []said{{client, get}, {server, hi}}, client, 0, true, 1},
		{"the client waits for its answer", []said{{client, get}}, client, 0, false, 0},
		{"the end of the client is that of its request", []said{{client, chunks}, {server, hi}}, client, 0, true, 1},
		{"the client reads on", []said{{client, get}, {server, begun}}, client, 0, false, 0},
		{"the server, after its answer", []said{{client, get}, {server, hi}}, server, 0, true, 1},
		{"the end of the server is that of its answer", []said{{client, get}, {server, endless}}, server, 0, true, 1},
		{"the server breaks off", []said{{client, get}, {server, begun}}, server, 0, true, 1},
		{"the server never answers", []said{{client, get}}, server, 0, true, 1},
		{"the client still sends what the server does not want", []said{{client, post}, {server, refused}}, server, 0, false, 0},
		{"something is missing", []said{{client, get}, {server, endless}}, server, 7, false, 0},
		{"something of the other side is held back", []said{{client, get}, {server, hi}, {server, hi}}, client, 0, false, 0},
		{"nothing is known yet", []said{{client, "GET"}}, client, 0, false, 0},
		{"nothing was said", nil, server, 0, false, 0},
		{"another protocol took over", []said{{client, up}, {server, switchs}}, client, 0, true, 1},
		{"HTTP/2, the client, idle", []said{{client, preface}}, client, 0, true, 0},
		{"HTTP/2, the server", []said{{client, preface}}, server, 0, true, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, got := New(Config{}), 0
			out := func(*Exchange) { got++ }
			var pos [2]uint64
			for i, s := range tt.said {
				c.Feed(&Segment{Time: int64(i + 1), From: s.from, Pos: pos[s.from], Len: len(s.text), Data: []byte(s.text)}, out)
				pos[s.from] += uint64(len(s.text))
			}
			if over := c.Finished(tt.from, pos[tt.from]+uint64(tt.late)); over != tt.over {
				t.Fatalf("over: %v, want %v", over, tt.over)
			}
			if !tt.over {
				return
			}
			c.Close(9, out)
			if got != tt.want {
				t.Errorf("%d exchanges, want %d", got, tt.want)
			}
		})
	}
}
