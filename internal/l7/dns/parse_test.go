package dns

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// build makes a message: a header with the flags and as many entries as there
// are, and the parts given in hexadecimal digits, blanks and 'text'.
func build(t testing.TB, flags uint16, counts string, parts ...string) []byte {
	t.Helper()
	var c [4]uint16
	if _, err := fmt.Sscan(counts, &c[0], &c[1], &c[2], &c[3]); err != nil {
		t.Fatal(err)
	}
	b := []byte{0x12, 0x34, byte(flags >> 8), byte(flags)}
	for _, n := range c {
		b = append(b, byte(n>>8), byte(n))
	}
	return append(b, octets(t, parts...)...)
}

func octets(t testing.TB, parts ...string) (b []byte) {
	t.Helper()
	for _, word := range strings.Fields(strings.Join(parts, " ")) {
		if text, ok := strings.CutPrefix(word, "'"); ok {
			b = append(b, byte(len(text)))
			b = append(b, text...)
			continue
		}
		digits, err := hex.DecodeString(word)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, digits...)
	}
	return b
}

const (
	question = "'www 'example 00 0001 0001"
	recordA  = "c00c 0001 0001 0000003c 0004 0a010101"
	opt      = "00 0029 04d0 00000000 0000"
	optBad   = "00 0029 04d0 01000000 0000" // the upper bits of BADVERS
)

func TestParse(t *testing.T) {
	addr := netip.MustParseAddr
	answerA := Answer{"www.example", TypeA, time.Minute, addr("10.1.1.1")}
	tests := []struct {
		name string
		msg  []byte
		want Message
	}{
		{"query", build(t, 0x0100, "1 0 0 0", question), Message{Name: "www.example", Type: 1}},
		{"query with EDNS", build(t, 0x0100, "1 0 0 1", question, opt), Message{Name: "www.example", Type: 1}},
		{"answer", build(t, 0x8180, "1 1 0 0", question, recordA), Message{Response: true, Name: "www.example", Type: 1, Answers: []Answer{answerA}}},
		{"truncated", build(t, 0x8380, "1 0 0 0", question), Message{Response: true, Truncated: true, Name: "www.example", Type: 1}},
		{"NXDOMAIN", build(t, 0x8183, "1 0 0 0", question), Message{Response: true, RCode: 3, Name: "www.example", Type: 1}},
		{"extended code", build(t, 0x8180, "1 0 0 1", question, optBad), Message{Response: true, RCode: 16, Name: "www.example", Type: 1}},
		{"extended code after other sections", build(t, 0x8183, "1 1 1 2", question, recordA, recordA, recordA, optBad),
			Message{Response: true, RCode: 0x13, Name: "www.example", Type: 1, Answers: []Answer{answerA}}},
		{"OPT among the answers is an answer", build(t, 0x8180, "1 1 0 0", question, optBad),
			Message{Response: true, Name: "www.example", Type: 1, Answers: []Answer{{Name: ".", Type: 41, TTL: 0x01000000 * time.Second}}}},
		{"opcode", build(t, 0x2800, "1 0 0 0", question), Message{Opcode: 5, Name: "www.example", Type: 1}},
		{"no question", build(t, 0x8181, "0 0 0 0"), Message{Response: true, RCode: 1}},
		{"two questions", build(t, 0, "2 0 0 0", question, "'b 00 001c 0001"), Message{Name: "www.example", Type: 1}},
		{"the root", build(t, 0, "1 0 0 0", "00 0002 0001"), Message{Name: ".", Type: 2}},
		{"upper case", build(t, 0, "1 0 0 0", "'WwW 'EXAMPLE 00 0001 0001"), Message{Name: "www.example", Type: 1}},
		{"odd bytes", build(t, 0, "1 0 0 0", "06 2e 5c 20 00 ff 7f 00 0001 0001"), Message{Name: `\.\\\032\000\255\127`, Type: 1}},
		{"underscore, star, digits", build(t, 0, "1 0 0 0", "'_a '* '9 00 0001 0001"), Message{Name: "_a.*.9", Type: 1}},
		{"AAAA", build(t, 0x8180, "1 1 0 0", question, "c00c 001c 0001 0000003c 0010 fd010000000000000000000000000001"),
			Message{Response: true, Name: "www.example", Type: 1, Answers: []Answer{{"www.example", TypeAAAA, time.Minute, addr("fd01::1")}}}},
		{"A of the wrong length", build(t, 0x8180, "1 1 0 0", question, "c00c 0001 0001 0000003c 0003 0a0101"),
			Message{Response: true, Name: "www.example", Type: 1, Answers: []Answer{{"www.example", TypeA, time.Minute, netip.Addr{}}}}},
		{"A of another class", build(t, 0x8180, "1 1 0 0", question, "c00c 0001 0003 0000003c 0004 0a010101"),
			Message{Response: true, Name: "www.example", Type: 1, Answers: []Answer{{"www.example", TypeA, time.Minute, netip.Addr{}}}}},
		{"TTL with its highest bit", build(t, 0x8180, "1 1 0 0", question, "c00c 0001 0001 8000003c 0004 0a010101"),
			Message{Response: true, Name: "www.example", Type: 1, Answers: []Answer{{"www.example", TypeA, 0, addr("10.1.1.1")}}}},
		{"names in part by pointer", build(t, 0x8180, "1 2 0 0", question,
			"c00c 0005 0001 00000001 0006 'cdn c010", "'a c029 0001 0001 00000002 0004 0a010102"),
			Message{Response: true, Name: "www.example", Type: 1, Answers: []Answer{
				{"www.example", TypeCNAME, time.Second, netip.Addr{}}, {"a.cdn.example", TypeA, 2 * time.Second, addr("10.1.1.2")}}}},
		{"ends in the second answer", build(t, 0x8180, "1 2 0 0", question, recordA, "c00c 0001 0001 00"),
			Message{Response: true, Name: "www.example", Type: 1, Answers: []Answer{answerA}, Cut: true}},
		{"ends before the answers", build(t, 0x8180, "1 2 0 1", question), Message{Response: true, Name: "www.example", Type: 1, Cut: true}},
		{"bytes behind the end", build(t, 0, "1 0 0 0", question, "ffff"), Message{Name: "www.example", Type: 1}},
	}
	var m Message // one for all: nothing of the message before may be left
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.ID = 0x1234
			if err := Parse(tt.msg, &m); err != nil {
				t.Fatal(err)
			}
			got := m
			got.text = nil
			if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", tt.want); g != w {
				t.Errorf("\n got %s\nwant %s", g, w)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	label := "3f " + strings.Repeat("61", 63)
	tests := []struct {
		name string
		msg  []byte
		want error
	}{
		{"nothing", nil, ErrShort},
		{"half a header", make([]byte, 11), ErrShort},
		{"no question where one is promised", build(t, 0, "1 0 0 0"), ErrShort},
		{"a label beyond the end", build(t, 0, "1 0 0 0", "05 6161"), ErrShort},
		{"a name without end", build(t, 0, "1 0 0 0", "'www"), ErrShort},
		{"half a pointer", build(t, 0, "1 0 0 0", "c0"), ErrShort},
		{"no class", build(t, 0, "1 0 0 0", "'www 00 0001"), ErrShort},
		{"a pointer to itself", build(t, 0, "1 0 0 0", "c00c 0001 0001"), ErrName},
		{"a pointer to the label before", build(t, 0, "1 0 0 0", "'a c00c 0001 0001"), ErrName},
		{"a pointer forward", build(t, 0, "1 0 0 0", "c010 0001 0001 'a 00"), ErrName},
		{"a pointer to the end", build(t, 0, "1 0 0 0", "ffff 0001 0001"), ErrName},
		{"a reserved kind of label", build(t, 0, "1 0 0 0", "'a 40 0001 0001"), ErrName},
		{"256 bytes", build(t, 0, "1 0 0 0", label, label, label, "3e", strings.Repeat("61", 62), "00 0001 0001"), ErrName},
		{"a malformed owner", build(t, 0x8000, "1 1 0 0", question, "80 0001 0001 00000000 0000"), ErrName},
		{"an owner that points forward", build(t, 0x8000, "1 1 0 0", question, "c0ff 0001 0001 00000000 0000"), ErrName},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := Parse(tt.msg, new(Message)); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
	longest := build(t, 0, "1 0 0 0", label, label, label, "3d", strings.Repeat("61", 61), "00 0001 0001")
	if err := Parse(longest, new(Message)); err != nil {
		t.Errorf("a name of 255 bytes: %v", err)
	}
}

// TestParseIsBounded: messages made to keep a decoder busy.
func TestParseIsBounded(t *testing.T) {
	// A record of 8,000 pointers, each to the one before, and thousands of
	// records whose names begin with the last.
	const first, size = headerSize + 11, 16000
	ladder := build(t, 0x8000, "0 4001 0 0", "00 0010 0001 00000000", fmt.Sprintf("%04x", size))
	for to := headerSize; len(ladder) < first+size; to = len(ladder) - 2 {
		ladder = append(ladder, 0xc0|byte(to>>8), byte(to))
	}
	last := fmt.Sprintf("%04x", 0xc000|(first+size-2))
	for range 4000 {
		ladder = append(ladder, octets(t, last, "0001 0001 00000000 0000")...)
	}
	if err := Parse(ladder, new(Message)); !errors.Is(err, ErrName) {
		t.Errorf("a ladder of pointers: %v, want %v", err, ErrName)
	}

	many := build(t, 0x8000, "1 65535 65535 65535", question)
	for len(many) < 65535-16 {
		many = append(many, octets(t, recordA)...)
	}
	var m Message
	if err := Parse(many, &m); err != nil || !m.Cut || len(m.Answers) != maxAnswers {
		t.Errorf("many answers: %v, cut %v, %d kept, want %d", err, m.Cut, len(m.Answers), maxAnswers)
	}
	if n := testing.AllocsPerRun(10, func() { _ = Parse(many, &m) }); n != 0 {
		t.Errorf("the same message again allocates %v times", n)
	}
}

func TestAddresses(t *testing.T) {
	const (
		flags = 0x8180
		// at 0x29 is the name cdn.example
		alias  = "c00c 0005 0001 00000064 0006 'cdn c010"
		second = "c029 0005 0001 00000005 0003 'b 00"
		v6     = "c00c 001c 0001 0000000a 0010 fd010000000000000000000000000001"
		target = "'cdn c010 0001 0001 0000003c 0004 0a010102"
	)
	tests := []struct {
		name string
		msg  []byte
		want string
	}{
		{"one", build(t, flags, "1 1 0 0", question, recordA), "10.1.1.1 www.example 1m0s;"},
		{"two", build(t, flags, "1 2 0 0", question, recordA, v6), "10.1.1.1 www.example 1m0s;fd01::1 www.example 10s;"},
		{"an alias", build(t, flags, "1 2 0 0", question, alias, target), "10.1.1.2 www.example 1m0s;"},
		{"a chain is as good as its weakest link", build(t, flags, "1 3 0 0", question, alias, second, target), "10.1.1.2 www.example 5s;"},
		{"the order does not matter", build(t, flags, "1 3 0 0", question, target, "c01d 0005 0001 00000005 0003 'b 00", alias), "10.1.1.2 cdn.example 5s;"},
		{"an alias alone", build(t, flags, "1 1 0 0", question, alias), ""},
		{"an error", build(t, flags|3, "1 1 0 0", question, recordA), ""},
		{"an extended error", build(t, flags, "1 1 0 1", question, recordA, optBad), ""},
		{"a query", build(t, 0x0100, "1 1 0 0", question, recordA), ""},
		{"another name than was asked for", build(t, flags, "1 1 0 0", question, target), "10.1.1.2 cdn.example 1m0s;"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m Message
			if err := Parse(tt.msg, &m); err != nil {
				t.Fatal(err)
			}
			got := ""
			m.Addresses(func(a netip.Addr, name string, ttl time.Duration) { got += fmt.Sprintf("%v %s %v;", a, name, ttl) })
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	messages := map[string][]byte{
		"query":  build(b, 0x0100, "1 0 0 1", question, opt),
		"answer": build(b, 0x8180, "1 4 0 1", question, recordA, recordA, recordA, recordA, opt),
		"alias":  build(b, 0x8180, "1 2 0 1", question, "c00c 0005 0001 00000064 0006 'cdn c010", "c029 0001 0001 0000003c 0004 0a010102", opt),
	}
	for name, msg := range messages {
		b.Run(name, func(b *testing.B) {
			var m Message
			b.ReportAllocs()
			for b.Loop() {
				if err := Parse(msg, &m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
