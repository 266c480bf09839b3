package dns

import (
	"bytes"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// recorded adds the messages of the recording to a corpus.
func recorded(f *testing.F, add func(payload []byte, tcp bool)) {
	f.Helper()
	if _, err := os.Stat("testdata/traffic.pcap"); err != nil {
		f.Fatal(err)
	}
	for _, p := range packets(f, "testdata/traffic.pcap") {
		if len(p.payload) > 0 {
			add(p.payload, p.tcp)
		}
	}
}

// FuzzParse: no bytes do harm, a message parsed again is the same, and what
// the decoder of the Go project understands is understood the same way.
func FuzzParse(f *testing.F) {
	recorded(f, func(b []byte, tcp bool) {
		if !tcp {
			f.Add(b)
		}
	})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Message
		if err := Parse(b, &m); err != nil {
			return
		}
		first, answers := m, slices.Clone(m.Answers)
		if err := Parse(b, &m); err != nil || m.Name != first.Name || m.RCode != first.RCode || m.Cut != first.Cut || !slices.Equal(m.Answers, answers) {
			t.Fatalf("parsed again: %v, %+v; before: %+v", err, m, first)
		}
		if len(m.Name) > 4*maxName || len(m.Answers) > maxAnswers {
			t.Fatalf("name of %d bytes, %d answers", len(m.Name), len(m.Answers))
		}
		m.Addresses(func(a netip.Addr, name string, ttl time.Duration) {
			if !a.IsValid() || name == "" || ttl < 0 {
				t.Fatalf("address %v of %q for %v", a, name, ttl)
			}
		})
		compare(t, b, &m)
	})
}

// compare reads b with golang.org/x/net/dns/dnsmessage.
func compare(t *testing.T, b []byte, m *Message) {
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil {
		return
	}
	if h.ID != m.ID || h.Response != m.Response || h.Truncated != m.Truncated || uint8(h.OpCode)&0xf != m.Opcode || int(h.RCode) != m.RCode&0xf {
		t.Fatalf("header %+v, want %+v", m, h)
	}
	questions, err := p.AllQuestions()
	if err != nil {
		return
	}
	if len(questions) > 0 && (ours(questions[0].Name) != m.Name || uint16(questions[0].Type) != m.Type) {
		t.Fatalf("question %q %d, want %v", m.Name, m.Type, questions[0])
	}
	n := 0
	for ; ; n++ {
		rh, err := p.AnswerHeader()
		if err != nil || n == maxAnswers || p.SkipAnswer() != nil {
			break
		}
		if n >= len(m.Answers) {
			t.Fatalf("answer %d is missing: %v", n, rh)
		}
		a := m.Answers[n]
		ttl := time.Duration(rh.TTL) * time.Second
		if rh.TTL>>31 != 0 {
			ttl = 0
		}
		if a.Name != ours(rh.Name) || a.Type != uint16(rh.Type) || a.TTL != ttl {
			t.Fatalf("answer %+v, want %v", a, rh)
		}
	}
	if n > len(m.Answers) {
		t.Fatalf("%d answers, want %d", len(m.Answers), n)
	}
}

// ours is the spelling of a name of dnsmessage, which escapes nothing and
// refuses dots in labels, in ours.
func ours(n dnsmessage.Name) string {
	if n.Length == 1 {
		return "."
	}
	labels := strings.Split(strings.TrimSuffix(string(n.Data[:n.Length]), "."), ".")
	var out []byte
	for i, l := range labels {
		if i > 0 {
			out = append(out, '.')
		}
		out = appendLabel(out, []byte(l))
	}
	return string(out)
}

// FuzzStream: a stream cut in any way, with any captured length, out of order
// or not, does no harm; cut in order and captured whole it gives what it gives
// in one piece, if it is one from the begin.
func FuzzStream(f *testing.F) {
	recorded(f, func(b []byte, tcp bool) {
		if tcp {
			f.Add(b, []byte{3, 20, 7})
		}
	})
	f.Add(slices.Concat(framed(1, 40), framed(2, 20)), []byte{1, 0, 255, 30})
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		feed := func(s *Stream, change func(from, n int) (pos uint64, got int)) (all [][]byte) {
			for i, at := 0, 0; at < len(stream); i++ {
				n := len(stream)
				if len(cuts) > 0 {
					n = 1 + int(cuts[i%len(cuts)])
				}
				n = min(n, len(stream)-at)
				pos, got := change(at, n)
				s.Feed(pos, n, stream[at:at+got], func(m []byte) {
					if len(m) < headerSize || len(m) > 65535 {
						t.Fatalf("a message of %d bytes", len(m))
					}
					all = append(all, bytes.Clone(m))
				})
				at += n
			}
			if st := s.Stats(); st.Skipped < 0 || st.Messages < st.Cut || int(st.Messages) != len(all) {
				t.Fatalf("stats %+v for %d messages", st, len(all))
			}
			return all
		}
		var wild Stream
		feed(&wild, func(from, n int) (uint64, int) { return uint64(from*37%991) - 300, from * 13 % (n + 1) })

		var cut, whole Stream
		inParts := feed(&cut, func(from, n int) (uint64, int) { return uint64(from), n })
		var inOne [][]byte
		whole.Feed(0, len(stream), stream, func(m []byte) { inOne = append(inOne, bytes.Clone(m)) })
		if whole.Stats().Skipped == 0 && cut.Stats().Skipped == 0 && !slices.EqualFunc(inParts, inOne, bytes.Equal) {
			t.Fatalf("%d messages in parts, %d in one piece", len(inParts), len(inOne))
		}
	})
}
