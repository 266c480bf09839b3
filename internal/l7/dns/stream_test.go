package dns

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// framed is a message of so many bytes as it goes over TCP. No part of it but
// the begin looks like the begin of a message.
func framed(number uint16, size int) []byte {
	b := make([]byte, prefixSize+size)
	binary.BigEndian.PutUint16(b, uint16(size))
	binary.BigEndian.PutUint16(b[prefixSize:], number)
	binary.BigEndian.PutUint16(b[prefixSize+4:], 1)
	for i := prefixSize + headerSize; i < len(b); i++ {
		b[i] = byte(0x80 | i*7)
	}
	return b
}

// step is one call of Feed: bytes from to of the stream, of which the first
// got were captured.
type step struct{ from, to, got int }

func all(from, to int) step { return step{from, to, to - from} }

func TestStream(t *testing.T) {
	// Three messages: 0-52, 52-154, 154-206.
	stream := slices.Concat(framed(1, 50), framed(2, 100), framed(3, 50))
	tests := []struct {
		name  string
		steps []step
		want  string // number/bytes of each message
		stats StreamStats
	}{
		{"each in a segment", []step{all(0, 52), all(52, 154), all(154, 206)}, "1/50 2/100 3/50", StreamStats{}},
		{"all in one", []step{all(0, 206)}, "1/50 2/100 3/50", StreamStats{}},
		{"the length by itself", []step{all(0, 2), all(2, 52), all(52, 54), all(54, 154)}, "1/50 2/100", StreamStats{}},
		{"split in a length", []step{all(0, 53), all(53, 206)}, "1/50 2/100 3/50", StreamStats{}},
		{"split in a header", []step{all(0, 60), all(60, 206)}, "1/50 2/100 3/50", StreamStats{}},
		{"sent again", []step{all(0, 60), all(0, 60), all(20, 70), all(70, 206), all(100, 150)}, "1/50 2/100 3/50", StreamStats{Repeated: 150}},
		{"out of order", []step{all(0, 20), all(154, 206), all(52, 154), all(20, 52)}, "1/50 2/100 3/50", StreamStats{}},
		{"out of order and overlapping", []step{all(0, 20), all(60, 206), all(40, 80), all(20, 52)}, "1/50 2/100 3/50", StreamStats{Repeated: 32}},
		{"heads of segments only", []step{{0, 52, 20}, {52, 154, 30}, {154, 206, 14}}, "1/18 2/28 3/12", StreamStats{Cut: 3}},
		{"the head of a segment with several", []step{{0, 206, 80}}, "1/50 2/26", StreamStats{Cut: 1, Skipped: 52}},
		{"not even a header", []step{{0, 52, 10}, all(52, 154)}, "2/100", StreamStats{Skipped: 52}},
		{"nothing captured", []step{{0, 52, 0}, all(52, 154)}, "2/100", StreamStats{Skipped: 52}},
		{"from the middle of a message", []step{all(30, 52), all(52, 154)}, "2/100", StreamStats{Skipped: 22}},
		{"empty", []step{all(0, 0), all(0, 52)}, "1/50", StreamStats{}},
	}
	for _, tt := range tests {
		for _, base := range []uint64{0, 1 << 40, 1<<64 - 100} { // positions may wrap
			t.Run(fmt.Sprint(tt.name, "/", base), func(t *testing.T) {
				got, stats := feed(stream, base, tt.steps)
				if got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				tt.stats.Messages = stats.Messages
				if stats != tt.stats {
					t.Errorf("stats %+v, want %+v", stats, tt.stats)
				}
			})
		}
	}
}

// feed returns the numbers and lengths of the messages of a stream.
func feed(stream []byte, base uint64, steps []step) (got string, stats StreamStats) {
	var s Stream
	for _, st := range steps {
		s.Feed(base+uint64(st.from), st.to-st.from, stream[st.from:st.from+st.got], func(msg []byte) {
			if got != "" {
				got += " "
			}
			got += fmt.Sprintf("%d/%d", binary.BigEndian.Uint16(msg), len(msg))
		})
	}
	return got, s.Stats()
}

// TestStreamGaps: segments that never come. What lies around them is found.
func TestStreamGaps(t *testing.T) {
	var stream []byte
	var begins []int
	for n := range uint16(20) {
		begins = append(begins, len(stream))
		stream = append(stream, framed(n, 100)...)
	}
	segments := func(from, to int) (steps []step) {
		for i := from; i < to; i++ {
			steps = append(steps, all(begins[i], begins[i]+102))
		}
		return steps
	}
	tests := []struct {
		name  string
		steps []step
		want  string
		stats StreamStats
	}{
		{"within a message", slices.Concat([]step{all(0, 40), all(60, 102)}, segments(1, 9)), "0/38 1/100 2/100 3/100 4/100 5/100 6/100 7/100 8/100",
			StreamStats{Cut: 1, Gaps: 1}},
		{"to the end of a message", slices.Concat([]step{all(0, 40)}, segments(1, 9)), "0/38 1/100 2/100 3/100 4/100 5/100 6/100 7/100 8/100",
			StreamStats{Cut: 1, Gaps: 1}},
		{"over several", slices.Concat([]step{all(0, 40)}, segments(3, 11)), "0/38 3/100 4/100 5/100 6/100 7/100 8/100 9/100 10/100",
			StreamStats{Cut: 1, Gaps: 1, Skipped: 204}},
		{"a whole one", slices.Concat(segments(0, 1), segments(2, 10)), "0/100 2/100 3/100 4/100 5/100 6/100 7/100 8/100 9/100",
			StreamStats{Gaps: 1, Skipped: 102}},
		{"the length", slices.Concat([]step{all(0, 103), all(110, 204)}, segments(2, 9)), "0/100 2/100 3/100 4/100 5/100 6/100 7/100 8/100",
			StreamStats{Gaps: 1, Skipped: 102}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, stats := feed(stream, 7, tt.steps)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			tt.stats.Messages = stats.Messages
			if stats != tt.stats {
				t.Errorf("stats %+v, want %+v", stats, tt.stats)
			}
		})
	}
}

// TestStreamIsNotDNS: other protocols on the port give no messages.
func TestStreamIsNotDNS(t *testing.T) {
	for _, text := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "SSH-2.0-OpenSSH_9.2p1\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefghijkl",
		"\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x00\x0c\x00\x00\x00\x00\x00\x09\x00\x00\x00\x00\x00\x00",
	} {
		got, stats := feed([]byte(text), 0, []step{all(0, len(text))})
		if got != "" || stats.Skipped != int64(len(text)) {
			t.Errorf("%q: messages %q, stats %+v, want all skipped", text, got, stats)
		}
		var single []step
		for i := range len(text) {
			single = append(single, all(i, i+1))
		}
		if got, _ := feed([]byte(text), 0, single); got != "" {
			t.Errorf("%q byte by byte: messages %q", text, got)
		}
	}
}

// TestStreamAtRandom cuts streams at random places into segments, repeats and
// reorders some, captures them whole, and wants every message as it was.
func TestStreamAtRandom(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	complete := 0
	for round := range 300 {
		var stream []byte
		var want [][]byte
		for n := range 1 + rnd.IntN(12) {
			size := headerSize + 5 + rnd.IntN([]int{20, 500, 5000}[rnd.IntN(3)])
			m := framed(uint16(n), size)
			want = append(want, m[prefixSize:])
			stream = append(stream, m...)
		}
		var steps []step
		for at := 0; at < len(stream); {
			to := min(len(stream), at+1+rnd.IntN([]int{3, 200, 3000}[rnd.IntN(3)]))
			steps = append(steps, all(at, to))
			if rnd.IntN(5) == 0 { // again, a little more or less
				from := max(0, at-rnd.IntN(30))
				steps = append(steps, all(from, min(len(stream), from+1+rnd.IntN(60))))
			}
			at = to
		}
		// No segment comes more than seven too early, the first is the first.
		for i := 1; i < len(steps); i++ {
			j := min(len(steps)-1, i+rnd.IntN(3))
			steps[i], steps[j] = steps[j], steps[i]
		}
		var s Stream
		var got [][]byte
		base := rnd.Uint64()
		for _, st := range steps {
			s.Feed(base+uint64(st.from), st.to-st.from, stream[st.from:st.to], func(msg []byte) { got = append(got, bytes.Clone(msg)) })
		}
		if s.Stats().Gaps > 0 {
			continue // more came too early than a Stream waits for
		}
		complete++
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("round %d: %d messages, want %d unchanged; stats %+v; steps %v", round, len(got), len(want), s.Stats(), steps)
		}
	}
	if complete < 250 {
		t.Errorf("only %d of 300 rounds were without a gap", complete)
	}
}

// TestStreamMemory: a sender cannot make a stream keep more than its bound.
func TestStreamMemory(t *testing.T) {
	var s Stream
	ignore := func([]byte) {}
	head := framed(1, 65535)[:60000]
	s.Feed(0, len(head), head, ignore)
	for i := range 1000 {
		s.Feed(uint64(70000+i*70000), 64<<10, make([]byte, 64<<10), ignore)
		held := cap(s.msg)
		for _, h := range s.held {
			held += cap(h.data)
		}
		if held > 64<<10+128<<10+16<<10 {
			t.Fatalf("%d bytes are held", held)
		}
	}
	var idle Stream
	idle.Feed(0, 65537, framed(1, 65535), ignore)
	idle.Feed(65537, 30, framed(1, 65535)[:30], ignore)
	idle.Feed(65567, 65507, framed(1, 65535)[30:], ignore)
	if idle.Stats().Messages != 2 || cap(idle.msg) > keptBuffer {
		t.Errorf("between messages %d bytes are kept after %d messages, want %d at most", cap(idle.msg), idle.Stats().Messages, keptBuffer)
	}
}

func BenchmarkStream(b *testing.B) {
	segment := slices.Concat(framed(1, 100), framed(2, 50))
	for name, cut := range map[string]int{"whole": len(segment), "split": 120} {
		b.Run(name, func(b *testing.B) {
			var s Stream
			var pos uint64
			messages := 0
			count := func([]byte) { messages++ }
			b.ReportAllocs()
			for b.Loop() {
				s.Feed(pos, cut, segment[:cut], count)
				s.Feed(pos+uint64(cut), len(segment)-cut, segment[cut:], count)
				pos += uint64(len(segment))
			}
			if messages != 2*b.N {
				b.Fatalf("%d messages, want %d", messages, 2*b.N)
			}
		})
	}
}
