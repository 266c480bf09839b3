package http

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

const (
	benchRequest = "GET /api/v1/items/42?page=3 HTTP/1.1\r\nHost: shop.example.com\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n"
	benchReply   = "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sat, 21 Nov 2026 07:00:00 GMT\r\nContent-Type: application/json\r\n" +
		"Content-Length: 1200\r\nConnection: keep-alive\r\n\r\n"
)

// pair is what one exchange on a keep-alive connection looks like.
type pair struct {
	request, reply Segment
}

func newPair(request, reply string, body int) *pair {
	return &pair{
		Segment{From: Local, Len: len(request), Data: []byte(request)},
		Segment{From: Remote, Len: len(reply) + body, Data: []byte(reply)},
	}
}

func (p *pair) feed(c *Conn, out func(*Exchange)) {
	p.request.Time, p.reply.Time = p.request.Time+1000, p.request.Time+1500
	c.Feed(&p.request, out)
	c.Feed(&p.reply, out)
	p.request.Pos += uint64(p.request.Len)
	p.reply.Pos += uint64(p.reply.Len)
}

// BenchmarkHTTP1 is a request and a response of one segment each, of which the
// heads were captured.
func BenchmarkHTTP1(b *testing.B) {
	for _, bb := range []struct{ name, request, reply string }{
		{"heads", benchRequest, benchReply},
		{"cut", benchRequest[:90], benchReply[:128]},
	} {
		b.Run(bb.name, func(b *testing.B) {
			p := newPair(bb.request, bb.reply, 1200)
			if bb.name == "cut" {
				p.request.Len += 400
			}
			c, n := New(Config{Names: NewNames(), Stats: new(Stats)}), 0
			out := func(*Exchange) { n++ }
			p.feed(c, out)
			p.feed(c, out)
			if a := testing.AllocsPerRun(1000, func() { p.feed(c, out) }); a != 0 {
				b.Fatalf("an exchange allocates %v times", a)
			}
			n = 0
			b.ReportAllocs()
			for b.Loop() {
				p.feed(c, out)
			}
			if n < b.N-1 {
				b.Fatalf("%d exchanges of %d", n, b.N)
			}
		})
	}
}

// BenchmarkHTTP1Connections is the same over many connections and paths, as the
// caches of the machine will have it.
func BenchmarkHTTP1Connections(b *testing.B) {
	const conns = 10000
	names, stats, n := NewNames(), new(Stats), 0
	out := func(*Exchange) { n++ }
	var all [conns]*Conn
	var pairs [conns]*pair
	for i := range all {
		all[i] = New(Config{Names: names, Stats: stats})
		pairs[i] = newPair(strings.Replace(benchRequest, "42", fmt.Sprint(i%1000), 1), benchReply, 1200)
		pairs[i].feed(all[i], out)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		pairs[i%conns].feed(all[i%conns], out)
	}
}

// BenchmarkNotHTTP is what one segment of another protocol costs until the
// verdict.
func BenchmarkNotHTTP(b *testing.B) {
	s := Segment{Len: 64, Data: []byte(strings.Repeat("\x17\x03\x03\x00\x40", 20))[:64]}
	c := New(Config{Stats: new(Stats)})
	b.ReportAllocs()
	for b.Loop() {
		if c.Verdict() == NotHTTP {
			*c = *New(c.cfg)
		}
		s.From ^= 1
		c.Feed(&s, nil)
		s.Pos += 64
	}
}

// BenchmarkIdle reports what an idle connection holds.
func BenchmarkIdle(b *testing.B) {
	const conns = 20000
	for _, bb := range []struct{ name, request, reply string }{
		{"http1", benchRequest, benchReply},
		{"http1 cut", benchRequest[:90], benchReply[:128]},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				all := make([]*Conn, conns)
				p := newPair(bb.request, bb.reply, 1200)
				if len(bb.request) < 100 {
					p.request.Len += 400
				}
				names, stats := NewNames(), new(Stats)
				var before, after runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&before)
				for i := range all {
					all[i] = New(Config{Names: names, Stats: stats})
					for range 3 {
						p.feed(all[i], func(*Exchange) {})
					}
				}
				runtime.GC()
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/conns, "B/conn")
				runtime.KeepAlive(all)
			}
		})
	}
}

// BenchmarkBody is a segment in the middle of a body.
func BenchmarkBody(b *testing.B) {
	c := New(Config{})
	feed(c, "> GET / HTTP/1.1\r\n\r\n", "< HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000\r\n\r\n")
	s := Segment{From: Remote, Pos: 56, Len: 64 << 10, Data: make([]byte, 128)}
	b.ReportAllocs()
	for b.Loop() {
		s.Pos += uint64(s.Len)
		s.Time++
		c.Feed(&s, nil)
	}
}
