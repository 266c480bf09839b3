package http

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// flood feeds what next returns until it returns nothing, the sides
// alternating as it says, and checks the bounds all along.
func flood(t *testing.T, c *Conn, stats *Stats, next func(i int) (Side, int, []byte)) (exchanges int) {
	t.Helper()
	var pos [2]uint64
	for i := 0; ; i++ {
		from, n, data := next(i)
		if n == 0 {
			break
		}
		c.Feed(&Segment{Time: int64(i+1) * 1000, From: from, Pos: pos[from], Len: n, Data: data}, func(*Exchange) { exchanges++ })
		pos[from] += uint64(n)
		if i%64 == 0 {
			bounded(t, c, stats)
		}
	}
	return exchanges
}

// heap returns the bytes in use after fill, for what it returns.
func heap(fill func() any) int64 {
	var before, after runtime.MemStats
	for range 3 {
		runtime.GC() // also what earlier tests left to finalizers and pools
	}
	runtime.ReadMemStats(&before)
	kept := fill()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(kept)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

// TestHostile: traffic made to hurt. After each the connection holds less than
// limit bytes of memory, and it never holds more than its bounds.
func TestHostile(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 16))
	noise := make([]byte, 1448)
	header := []byte(strings.Repeat("X-Endless: "+strings.Repeat("a", 80)+"\r\n", 20))
	tests := []struct {
		name  string
		n     int
		limit int64
		next  func(i int) (Side, []byte)
	}{
		{"endless head", 20000, 64 << 10, func(i int) (Side, []byte) {
			if i == 0 {
				return Local, []byte("GET / HTTP/1.1\r\n")
			}
			return Local, header
		}},
		{"endless request line", 20000, 128 << 10, func(i int) (Side, []byte) {
			if i == 0 {
				return Local, []byte("GET /")
			}
			return Local, bytes.Repeat([]byte("a"), 1448)
		}},
		{"path of 1 MB in one segment", 200, 512 << 10, func(i int) (Side, []byte) {
			return Local, append(append([]byte("GET /"), bytes.Repeat([]byte("a"), 1<<20)...), " HTTP/1.1\r\n\r\n"...)
		}},
		{"head of one byte a segment", 60000, 64 << 10, func(i int) (Side, []byte) {
			return Local, []byte("GET /")[min(i, 4) : min(i, 4)+1]
		}},
		{"head of many lines, one byte a segment", 60000, 64 << 10, func(i int) (Side, []byte) {
			if i == 0 {
				return Local, []byte("GET / HTTP/1.1\r\n")
			}
			return Local, []byte("a:\n")[i%3 : i%3+1]
		}},
		{"requests without answers", 20000, 128 << 10, func(int) (Side, []byte) { return Local, []byte("GET /a HTTP/1.1\r\n\r\n") }},
		{"responses without requests", 10000, 256 << 10, func(i int) (Side, []byte) {
			return Local, append([]byte("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), noise[:1000]...)
		}},
		{"a million requests in four segments", 4, 128 << 10, func(i int) (Side, []byte) {
			return Local, bytes.Repeat([]byte("GET / HTTP/1.1\r\n\r\n"), 250000)
		}},
		{"chunks of one byte, line of a chunk without end", 20000, 16 << 10, func(i int) (Side, []byte) {
			if i == 0 {
				return Local, []byte("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;")
			}
			return Local, bytes.Repeat([]byte("x"), 1000)
		}},
		{"noise", 5000, 16 << 10, func(i int) (Side, []byte) {
			for j := range noise {
				noise[j] = byte(random.Uint32())
			}
			return Side(i & 1), noise
		}},
		{"noise after a request", 20000, 16 << 10, func(i int) (Side, []byte) {
			if i == 0 {
				return Local, []byte("GET / HTTP/1.1\r\n\r\n")
			}
			for j := range noise {
				noise[j] = byte(random.Uint32())
			}
			return Side(i & 1), noise
		}},
		{"HTTP/2: noise", 20000, 64 << 10, func(i int) (Side, []byte) {
			if i == 0 {
				return Local, []byte(preface2)
			}
			for j := range noise {
				noise[j] = byte(random.Uint32())
			}
			return Side(i & 1), noise
		}},
		{"HTTP/2: streams without end", 10000, 1 << 20, func(i int) (Side, []byte) {
			if i == 0 {
				return Local, []byte(preface2)
			}
			return Local, []byte(frame2(frameHeaders, flagEndHeaders, uint32(2*i+1), "\x82\x86\x84"))
		}},
		{"HTTP/2: continuation without end", 50000, 256 << 10, func(i int) (Side, []byte) {
			if i == 0 {
				return Local, []byte(preface2 + frame2(frameHeaders, 0, 3, "\x82"))
			}
			return Local, []byte(frame2(frameContinuation, 0, 3, strings.Repeat("\x86", 1400)))
		}},
		{"HTTP/2: tables as large as they get, new names", 10000, 512 << 10, func(i int) (Side, []byte) {
			if i == 0 {
				return Local, []byte(preface2)
			}
			name := binary.BigEndian.AppendUint32(nil, uint32(i))
			return Side(i & 1), []byte(frame2(frameHeaders, 5, uint32(i|1), "\x3f\xe1\xff\xff\xff\x07\x40\x04"+string(name)+"\x00"+"\x40\x04"+string(name)+"\x03abc"))
		}},
		{"HTTP/2: tables of empty entries", 50, 512 << 10, func(i int) (Side, []byte) {
			if i == 0 {
				return Local, []byte(preface2)
			}
			return Side(i & 1), []byte(frame2(frameHeaders, 5, uint32(i|1), "\x3f\xe1\xff\x03"+strings.Repeat("\x40\x00\x00", 20000)))
		}},
		{"HTTP/2: empty frames", 50000, 64 << 10, func(i int) (Side, []byte) {
			if i == 0 {
				return Local, []byte(preface2)
			}
			return Side(i & 1), []byte(strings.Repeat(frame2(frameData, 0, 1, "")+frame2(frameSettings, 0, 0, "")+frame2(frameReset, 0, uint32(i|1), "1234"), 20))
		}},
		{"HTTP/2: paths of 60 KB", 1200, 4 << 20, func(i int) (Side, []byte) {
			if i == 0 {
				return Local, []byte(preface2)
			}
			var b bytes.Buffer
			_ = hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: ":path", Value: "/" + strings.Repeat("~", 60000), Sensitive: true})
			return Local, []byte(frame2(frameHeaders, flagEndHeaders, uint32(2*i+1), b.String()))
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var stats Stats
			used := heap(func() any {
				c := New(Config{Stats: &stats})
				flood(t, c, &stats, func(i int) (Side, int, []byte) {
					if i == tt.n {
						return 0, 0, nil
					}
					from, data := tt.next(i)
					return from, len(data), data
				})
				return c
			})
			t.Logf("%d bytes; %+v", used, stats)
			if used > tt.limit {
				t.Errorf("the connection holds %d bytes, want at most %d", used, tt.limit)
			}
		})
	}
}

// TestHostileOrder: segments that never fit together, of many connections,
// stay within the bound over all of them.
func TestHostileOrder(t *testing.T) {
	var stats Stats
	used := heap(func() any {
		var all []*Conn
		data := []byte("GET /a HTTP/1.1\r\n" + strings.Repeat("x", 60000))
		for range 600 {
			c := New(Config{Stats: &stats})
			for _, from := range []Side{Local, Remote} {
				c.Feed(&Segment{Time: 1, From: from, Pos: 0}, nil)
				for i := range 3 {
					c.Feed(&Segment{Time: 1, From: from, Pos: uint64(i+1) * 100_000, Len: len(data), Data: data}, func(*Exchange) {})
				}
			}
			bounded(t, c, &stats)
			all = append(all, c)
		}
		return all
	})
	t.Logf("%d bytes, %d held", used, stats.Held)
	if stats.Held > maxHeldAll || used > maxHeldAll+maxHeldAll/4 || stats.Held < maxHeldAll/2 {
		t.Errorf("%d bytes are held, %d used, the bound is %d", stats.Held, used, maxHeldAll)
	}
}

// TestManyFrames: the walk over 2^31 bytes of frames is a walk over positions
// when bodies are not captured.
func TestManyFrames(t *testing.T) {
	var stats Stats
	c := New(Config{Stats: &stats})
	data := frame2(frameHeaders, flagEndHeaders, 3, "\x82") + frame2(frameData, 0, 3, strings.Repeat("x", 100))
	exchanges := flood(t, c, &stats, func(i int) (Side, int, []byte) {
		switch {
		case i == 0:
			return Local, len(preface2), []byte(preface2)
		case i == 1:
			return Local, len(data), []byte(data)
		case i < 200:
			return Local, 9 + maxFrame, []byte(frame2(frameData, 0, 3, "x")[:0] + string([]byte{0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 3}))
		default:
			return 0, 0, nil
		}
	})
	var got Exchange
	c.Close(1, func(e *Exchange) { got = *e })
	if want := uint64(len(data)) + 198*(9+maxFrame); exchanges != 0 || got.RequestBytes != want {
		t.Errorf("%d bytes, want %d; %+v", got.RequestBytes, want, stats)
	}
}
