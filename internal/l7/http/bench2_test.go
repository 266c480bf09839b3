package http

import (
	"runtime"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// call is a gRPC call on a connection that is warm: what differs from call to
// call is the stream and the message.
type call struct {
	request, reply []byte
	pos            [2]uint64
	time           int64
	stream         uint32
}

// open begins a connection, with its first call.
func (p *call) open(c *Conn, out func(*Exchange)) {
	var client, server fields2
	headers := func() string {
		return client.block(":method", "POST", ":scheme", "http", ":path", "/shop.v1.Cart/Add", ":authority", "cart:8080",
			"content-type", "application/grpc", "user-agent", "grpc-go/1.80.0", "te", "trailers")
	}
	answer := func() string {
		return frame2(frameHeaders, done, 1, server.block(":status", "200", "content-type", "application/grpc")) + frame2(frameData, 0, 1, "12345678") +
			frame2(frameHeaders, done|last, 1, server.block("grpc-status", "0", "grpc-message", ""))
	}
	*p = call{time: 1, stream: 1}
	p.request, p.reply = []byte(preface+frame2(frameHeaders, done, 1, headers())+frame2(frameData, last, 1, "12345678")), []byte(answer())
	p.feed(c, out)
	p.request, p.reply = []byte(frame2(frameHeaders, done, 1, headers())+frame2(frameData, last, 1, "12345678")), []byte(answer())
}

// feed is one call: two segments, all bytes captured.
func (p *call) feed(c *Conn, out func(*Exchange)) {
	for from, b := range [][]byte{p.request, p.reply} {
		at := 0
		if p.pos[from] == 0 && Side(from) == Local {
			at = len(preface)
		}
		for at < len(b) {
			b[at+5], b[at+6], b[at+7], b[at+8] = byte(p.stream>>24), byte(p.stream>>16), byte(p.stream>>8), byte(p.stream)
			at += frameHeaderSize + int(b[at+1])<<8 + int(b[at+2])
		}
		p.time += 1000
		c.Feed(&Segment{Time: p.time, From: Side(from), Pos: p.pos[from], Len: len(b), Data: b}, out)
		p.pos[from] += uint64(len(b))
	}
	p.stream += 2
}

func BenchmarkGRPC(b *testing.B) {
	var p call
	c, n := New(Config{Names: NewNames()}), 0
	out := func(e *Exchange) {
		if e.Path == "/shop.v1.Cart/Add" && e.GRPCStatus == 0 {
			n++
		}
	}
	p.open(c, out)
	p.feed(c, out)
	if a := testing.AllocsPerRun(1000, func() { p.feed(c, out) }); a != 0 {
		b.Fatalf("a call allocates %v times", a)
	}
	n = 0
	b.ReportAllocs()
	for b.Loop() {
		p.feed(c, out)
	}
	if n != b.N {
		b.Fatalf("%d calls of %d", n, b.N)
	}
}

// BenchmarkHPACK is the decoding of one block that x/net encoded, all literal.
func BenchmarkHPACK(b *testing.B) {
	var f fields2
	f.encoder = hpack.NewEncoder(&f.b)
	f.encoder.SetMaxDynamicTableSize(0)
	block := []byte(f.block(":method", "GET", ":path", "/api/v1/items/4711/reviews", ":authority", "shop.example.com", "user-agent", "Mozilla/5.0 (X11; Linux x86_64)"))
	d := decoder{table: newTable(false)}
	b.ReportAllocs()
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if err := d.decode(block, func(field) {}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkIdleGRPC reports what an idle connection of HTTP/2 holds.
func BenchmarkIdleGRPC(b *testing.B) {
	const conns = 5000
	for b.Loop() {
		all := make([]*Conn, conns)
		names, stats := NewNames(), new(Stats)
		var p call
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range all {
			all[i] = New(Config{Names: names, Stats: stats})
			p.open(all[i], func(*Exchange) {})
			p.feed(all[i], func(*Exchange) {})
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/conns, "B/conn")
		runtime.KeepAlive(all)
	}
}
