package http

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"
)

// script makes segments of bytes: what a fuzzer changes are both the bytes of
// the connection and what happened to its segments. Each begins with two
// bytes:
//
//	bit 7    sender
//	bits 6,5 0 in order, 1 repeats the last 5 bytes, 2 leaves out 3 bytes, 3 comes before the one before it
//	bits 4-0 the low bits of the length
//	byte 2   the high bits of the length (6), how much more there was than captured (2), and a long time if very much
func script(b []byte) (all []Segment) {
	var pos [2]uint64
	now := int64(0)
	for len(b) >= 2 && len(all) < 1<<12 {
		op, size := b[0], b[1]
		from := Side(op >> 7)
		n := min(int(op&0x1f)|int(size&0x3f)<<5, len(b)-2)
		now += [4]int64{1000, 1000, 1000, 2 * maxWait}[size>>6]
		s := Segment{Time: now, From: from, Pos: pos[from], Data: b[2 : 2+n]}
		s.Len = n + [4]int{0, 0, 100, 70000}[size>>6]
		b = b[2+n:]
		switch op >> 5 & 3 {
		case 1:
			s.Pos -= min(s.Pos, 5)
		case 2:
			s.Pos += 3
		}
		pos[from] = s.Pos + uint64(s.Len)
		all = append(all, s)
		if n := len(all); op>>5&3 == 3 && n > 1 {
			all[n-1], all[n-2] = all[n-2], all[n-1]
		}
	}
	return all
}

// unscript is the opposite, for seeds.
func unscript(dialogue ...string) (b []byte) {
	for _, line := range dialogue {
		data := line[2:]
		for len(data) > 0 {
			n := min(len(data), 2000)
			op := byte(n & 0x1f)
			if line[0] == '<' {
				op |= 0x80
			}
			b = append(append(b, op, byte(n>>5)), data[:n]...)
			data = data[n:]
		}
	}
	return b
}

// preface2 is how a client begins HTTP/2, with a request on stream 1.
var preface2 = preface + frame2(frameSettings, 0, 0, "") + frame2(frameHeaders, flagEndStream|flagEndHeaders, 1, "\x82\x86\x84\x41\x01x")

// frame2 is a frame of HTTP/2.
func frame2(kind frameKind, flags uint8, stream uint32, payload string) string {
	n := len(payload)
	return string([]byte{byte(n >> 16), byte(n >> 8), byte(n), byte(kind), flags,
		byte(stream >> 24), byte(stream >> 16), byte(stream >> 8), byte(stream)}) + payload
}

// FuzzConn: whatever comes, nothing crashes, nothing outgrows its bound, and
// exchanges are well-formed.
func FuzzConn(f *testing.F) {
	const get, ok = "> GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n", "< HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	f.Add(unscript(get, ok, get, "< HTTP/1.1 100 Continue\r\n\r\n", "< HTTP/1.1 204 No\r\n\r\n"))
	f.Add(unscript("> POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", ok))
	f.Add(unscript("> CONNECT x:1 HTTP/1.1\r\n\r\n", ok, "> \x16\x03\x01"))
	f.Add(unscript("> GET /a HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", "< HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n"+frame2(frameHeaders, 5, 1, "\x88"),
		"> "+preface2))
	f.Add(unscript("> "+preface2, "< "+frame2(frameSettings, 0, 0, "")+frame2(frameHeaders, flagEndHeaders, 1, "\x88")+frame2(frameData, flagEndStream, 1, "body")))
	f.Add(unscript("> "+preface2+frame2(frameHeaders, flagEndStream, 3, "\x83")+frame2(frameContinuation, flagEndHeaders, 3, "\x86\x84"),
		"< "+frame2(frameReset, 0, 3, "\x00\x00\x00\x08")+frame2(frameGoAway, 0, 0, "\x00\x00\x00\x00\x00\x00\x00\x00")))
	f.Add(unscript("> "+frame2(frameHeaders, flagEndStream|flagEndHeaders, 7, "\x83\x86\xc0\xbf"), "< "+frame2(frameHeaders, 5, 7, "\x88\xbe")))
	f.Add(unscript("> \x16\x03\x01\x02\x00\x01", "< \x16\x03\x03"))
	f.Fuzz(func(t *testing.T, b []byte) {
		segments := script(b)
		var stats Stats
		cfg := Config{Stats: &stats, Headers: true, MaxPath: 64}
		c := New(cfg)
		var first []string
		out := func(e *Exchange) {
			first = append(first, full(e))
			wellFormed(t, e)
		}
		for i := range segments {
			s := segments[i]
			s.Data = bytes.Clone(s.Data)
			c.Feed(&s, out)
			bounded(t, c, &stats)
			if n := begun(c); stats.Open != n {
				t.Fatalf("%d requests are open, counted %d", n, stats.Open)
			}
		}
		c.Close(1<<40, out)
		if stats.Held != 0 || stats.Open != 0 || stats.Exchanges != int64(len(first)) || stats.Segments != int64(len(segments)) {
			t.Fatalf("%+v with %d exchanges of %d segments", stats, len(first), len(segments))
		}
		cfg.Stats = new(Stats)
		again := decode(cfg, segments)
		for i := range again {
			if i >= len(first) || full(&again[i]) != first[i] {
				t.Fatalf("decoded once more, exchange %d is %s", i, full(&again[i]))
			}
		}
	})
}

func wellFormed(t *testing.T, e *Exchange) {
	t.Helper()
	bad := ""
	switch {
	case e.Version != "1.0" && e.Version != "1.1" && e.Version != "2":
		bad = "version"
	case e.Version != "2" && e.Method == "" || len(e.Method) > 20:
		bad = "method"
	case len(e.Path) > 64 || strings.ContainsAny(e.Path, "?# \n"):
		bad = "path"
	case e.Status != 0 && (e.Status < 100 || e.Status > 999):
		bad = "status"
	case e.RequestStart == 0 || e.RequestBytes == 0:
		bad = "request"
	case e.Status != 0 && (e.ResponseStart == 0 || e.ResponseBytes == 0):
		bad = "response"
	case e.ResponseStart > e.ResponseEnd && e.ResponseEnd != 0, e.RequestStart > e.RequestEnd && e.RequestEnd != 0:
		bad = "" // times come from the caller; shuffled ones may go back
	case e.GRPCStatus < -1 || e.GRPCStatus >= 0 && !e.GRPC:
		bad = "gRPC"
	}
	if bad != "" {
		t.Fatalf("%s of %s", bad, full(e))
	}
}

// begun is how many requests of a connection were seen to begin and not to end.
func begun(c *Conn) int64 {
	n := len(c.open)
	if c.h2 != nil {
		for _, x := range c.h2.streams {
			if x.known {
				n++
			}
		}
	}
	return int64(n)
}

// bounded fails when the connection keeps more than it may.
func bounded(t *testing.T, c *Conn, stats *Stats) {
	t.Helper()
	var sizes []string
	check := func(what string, n, limit int) {
		if n > limit {
			sizes = append(sizes, fmt.Sprintf("%s %d > %d", what, n, limit))
		}
	}
	check("open requests", len(c.open), maxOpen)
	for i := range c.sides {
		s := &c.sides[i]
		kept := 0
		for _, h := range s.held {
			kept += h.kept
		}
		check("held segments", len(s.held), maxHeld+1)
		check("held bytes", kept, 2*maxHeldBytes)
		check("head", len(s.buf), maxHead+2*maxHeldBytes)
		if kept != s.heldBytes {
			t.Fatalf("%d bytes held, counted %d", kept, s.heldBytes)
		}
		if h := c.h2; h != nil {
			f := &h.sides[i]
			check("block", len(f.block), maxBlock)
			check("payload", len(f.payload), maxBlock)
			check("table", f.size, maxTableSize)
			check("entries", f.entries(), maxTableSize/entryOverhead)
			check("streams", len(h.streams), maxStreams)
		}
	}
	if stats.Held < 0 || len(sizes) > 0 {
		t.Fatalf("held %d; %v", stats.Held, sizes)
	}
}

// FuzzHPACK: what x/net decodes is decoded to the same, and after a loss to
// the same or to nothing.
func FuzzHPACK(f *testing.F) {
	f.Add([]byte("\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"), []byte("\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf"))
	f.Add([]byte("\x40\x0acustom-key\x0dcustom-header"), []byte("\x20\x3f\xe1\x1f\xbe"))
	f.Add([]byte("\x10\x08password\x06secret"), []byte("\x3f\x20\x40\x01a\x00\x7e\x01b"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		theirs := hpack.NewDecoder(4096, nil)
		d, late := decoder{table: newTable(false)}, decoder{table: newTable(true)}
		for i, block := range [][]byte{first, second} {
			want, err := theirs.DecodeFull(block)
			var got []hpack.HeaderField
			failed := d.decode(block, func(f field) {
				got = append(got, hpack.HeaderField{Name: string(f.name), Value: string(f.value)})
			})
			if err != nil {
				return
			}
			if failed != nil || len(got) != len(want) {
				t.Fatalf("block %d: %v, %d fields, want %d", i, failed, len(got), len(want))
			}
			for j := range want {
				if got[j].Name != want[j].Name || got[j].Value != want[j].Value {
					t.Fatalf("block %d: %v, want %v", i, got[j], want[j])
				}
			}
			if i == 0 {
				continue
			}
			n := 0
			failed = late.decode(block, func(f field) {
				if w := want[n]; f.name != nil && (string(f.name) != w.Name || string(f.value) != w.Value) {
					t.Fatalf("after a loss: %s: %s, want %v", f.name, f.value, w)
				}
				n++
			})
			if failed != nil || n != len(want) {
				t.Fatalf("after a loss: %v, %d fields, want %d", failed, n, len(want))
			}
		}
	})
}
