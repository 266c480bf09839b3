package dns

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// event is a message or a call of Expire at a time in milliseconds.
type event struct {
	at     int
	do     string // "ask", "answer", "expire"
	id     uint16
	name   string
	key    func(*Key)
	change func(*Message)
}

func ask(at int, id uint16, name string) event { return event{at: at, do: "ask", id: id, name: name} }
func answer(at int, id uint16, name string) event {
	return event{at: at, do: "answer", id: id, name: name}
}
func expire(at int) event { return event{at: at, do: "expire"} }

func (e event) by(f func(*Key)) event       { e.key = f; return e }
func (e event) with(f func(*Message)) event { e.change = f; return e }

func someKey() Key {
	return Key{Netns: 1, Client: netip.MustParseAddrPort("10.0.0.1:4000"), Server: netip.MustParseAddrPort("10.0.0.2:53")}
}

// play returns the transactions in the order they end.
func play(t *Table, events []event) string {
	var got []string
	out := func(x *Transaction) {
		text := fmt.Sprintf("%d %s %d rcode=%d %v from %d", x.ID, x.Name, x.Type, x.RCode, x.Latency, x.Start/1e6)
		if x.Repeats > 0 {
			text += fmt.Sprintf(" again=%d", x.Repeats)
		}
		if x.Truncated {
			text += " truncated"
		}
		if x.PID != 0 {
			text += fmt.Sprintf(" pid=%d", x.PID)
		}
		got = append(got, text)
	}
	for _, e := range events {
		now, k := int64(e.at)*1e6, someKey()
		if e.key != nil {
			e.key(&k)
		}
		m := &Message{ID: e.id, Name: e.name, Type: TypeA, Response: e.do == "answer"}
		if e.change != nil {
			e.change(m)
		}
		switch e.do {
		case "ask":
			t.Query(now, k, m)
		case "answer":
			t.Answer(now, k, m, out)
		case "expire":
			t.Expire(now, out)
		}
	}
	return strings.Join(got, "; ")
}

func TestTable(t *testing.T) {
	aaaa := func(m *Message) { m.Type = TypeAAAA }
	pid := func(n uint32) func(*Key) { return func(k *Key) { k.PID = n } }
	atServer := func(n uint32) func(*Key) { return func(k *Key) { k.PID, k.Incoming = n, true } }
	tests := []struct {
		name   string
		events []event
		want   string
		stats  Stats
	}{
		{"answered", []event{ask(0, 1, "a"), answer(5, 1, "a")}, "1 a 1 rcode=0 5ms from 0", Stats{Queries: 1, Answered: 1}},
		{"answered with an error", []event{ask(0, 1, "a"), answer(5, 1, "a").with(func(m *Message) { m.RCode, m.Truncated = 23, true })},
			"1 a 1 rcode=23 5ms from 0 truncated", Stats{Queries: 1, Answered: 1}},
		{"two at a time", []event{ask(0, 1, "a"), ask(1, 2, "a").with(aaaa), answer(5, 2, "a").with(aaaa), answer(6, 1, "a")},
			"2 a 28 rcode=0 4ms from 1; 1 a 1 rcode=0 6ms from 0", Stats{Queries: 2, Answered: 2}},
		{"answered twice", []event{ask(0, 1, "a"), answer(5, 1, "a"), answer(6, 1, "a")}, "1 a 1 rcode=0 5ms from 0", Stats{Queries: 1, Answered: 1, Unmatched: 1}},
		{"not asked", []event{answer(5, 1, "a")}, "", Stats{Unmatched: 1}},
		{"asked again", []event{ask(0, 1, "a"), ask(3, 1, "a"), ask(4, 1, "a"), answer(5, 1, "a")},
			"1 a 1 rcode=0 5ms from 0 again=2", Stats{Queries: 1, Answered: 1, Repeated: 2}},
		{"asked again after the answer", []event{ask(0, 1, "a"), answer(5, 1, "a"), ask(6, 1, "a"), answer(8, 1, "a")},
			"1 a 1 rcode=0 5ms from 0; 1 a 1 rcode=0 2ms from 6", Stats{Queries: 2, Answered: 2}},
		{"in time, just", []event{ask(0, 1, "a"), expire(5999), answer(5999, 1, "a"), expire(9000)}, "1 a 1 rcode=0 5.999s from 0", Stats{Queries: 1, Answered: 1}},
		{"timeout", []event{ask(0, 1, "a"), ask(1, 2, "b"), expire(6000), expire(6001)},
			"1 a 1 rcode=-1 0s from 0; 2 b 1 rcode=-1 0s from 1", Stats{Queries: 2, TimedOut: 2}},
		{"too late, and nobody looked before", []event{ask(0, 1, "a"), answer(6000, 1, "a"), expire(6000)},
			"1 a 1 rcode=-1 0s from 0", Stats{Queries: 1, TimedOut: 1, Unmatched: 1}},
		{"asked again too late", []event{ask(0, 1, "a"), ask(6000, 1, "a"), answer(6001, 1, "a"), expire(6002)},
			"1 a 1 rcode=0 1ms from 6000; 1 a 1 rcode=-1 0s from 0", Stats{Queries: 2, Answered: 1, TimedOut: 1}},
		{"sent again, the timeout runs from the first", []event{ask(0, 1, "a"), ask(5000, 1, "a"), answer(6500, 1, "a"), expire(6500)},
			"1 a 1 rcode=-1 0s from 0 again=1", Stats{Queries: 1, TimedOut: 1, Repeated: 1, Unmatched: 1}},
		{"another question with the same number", []event{ask(0, 1, "a"), ask(1, 1, "b"), answer(2, 1, "b"), answer(3, 1, "a"), expire(6000)},
			"1 b 1 rcode=0 1ms from 1; 1 a 1 rcode=-1 0s from 0", Stats{Queries: 2, Answered: 1, TimedOut: 1, Unmatched: 1}},
		{"another type with the same number", []event{ask(0, 1, "a"), ask(1, 1, "a").with(aaaa), answer(2, 1, "a").with(aaaa), expire(6000)},
			"1 a 28 rcode=0 1ms from 1; 1 a 1 rcode=-1 0s from 0", Stats{Queries: 2, Answered: 1, TimedOut: 1}},
		{"an answer to another question", []event{ask(0, 1, "a"), answer(1, 1, "x"), answer(2, 1, "a").with(aaaa), answer(3, 1, "a")},
			"1 a 1 rcode=0 3ms from 0", Stats{Queries: 1, Answered: 1, Mismatch: 2}},
		{"an answer without question", []event{ask(0, 1, "a"), answer(1, 1, "").with(func(m *Message) { m.Type, m.RCode = 0, 1 })},
			"1 a 1 rcode=1 1ms from 0", Stats{Queries: 1, Answered: 1}},
		{"two clients with one number", []event{
			ask(0, 1, "a"), ask(1, 1, "a").by(func(k *Key) { k.Client = netip.MustParseAddrPort("10.0.0.1:4001") }),
			ask(2, 1, "a").by(func(k *Key) { k.Client = netip.MustParseAddrPort("10.0.0.9:4000") }),
			answer(5, 1, "a").by(func(k *Key) { k.Client = netip.MustParseAddrPort("10.0.0.9:4000") }), answer(6, 1, "a"),
		}, "1 a 1 rcode=0 3ms from 2; 1 a 1 rcode=0 6ms from 0", Stats{Queries: 3, Answered: 2, InFlight: 1}},
		{"another server, namespace, transport, side", []event{
			ask(0, 1, "a"), answer(1, 1, "a").by(func(k *Key) { k.Server = netip.MustParseAddrPort("10.0.0.3:53") }),
			answer(1, 1, "a").by(func(k *Key) { k.Netns = 2 }), answer(1, 1, "a").by(func(k *Key) { k.TCP = true }),
			answer(1, 1, "a").by(func(k *Key) { k.Incoming = true }),
		}, "", Stats{Queries: 1, InFlight: 1, Unmatched: 4}},
		{"the process is that of the query", []event{ask(0, 1, "a").by(pid(7)), answer(1, 1, "a").by(pid(8))}, "1 a 1 rcode=0 1ms from 0 pid=7", Stats{Queries: 1, Answered: 1}},
		{"or of the answer", []event{ask(0, 1, "a"), answer(1, 1, "a").by(pid(8))}, "1 a 1 rcode=0 1ms from 0 pid=8", Stats{Queries: 1, Answered: 1}},
		{"at the server it is that of the answer", []event{ask(0, 1, "a").by(atServer(7)), answer(1, 1, "a").by(atServer(8))},
			"1 a 1 rcode=0 1ms from 0 pid=8", Stats{Queries: 1, Answered: 1}},
		{"if it is known", []event{ask(0, 1, "a").by(atServer(7)), answer(1, 1, "a").by(atServer(0))},
			"1 a 1 rcode=0 1ms from 0 pid=7", Stats{Queries: 1, Answered: 1}},
		{"a clock that stumbles", []event{ask(5, 1, "a"), answer(4, 1, "a")}, "1 a 1 rcode=0 0s from 5", Stats{Queries: 1, Answered: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			table := NewTable(Config{})
			if got := play(table, tt.events); got != tt.want {
				t.Errorf("\n got %s\nwant %s", got, tt.want)
			}
			if got := table.Stats(); got != tt.stats {
				t.Errorf("stats %+v, want %+v", got, tt.stats)
			}
		})
	}
}

// TestTableIsBounded: the oldest makes room.
func TestTableIsBounded(t *testing.T) {
	table := NewTable(Config{Max: 3})
	got := play(table, []event{
		ask(0, 1, "a"), ask(1, 2, "b"), ask(2, 3, "c"), answer(3, 2, "b"), ask(4, 4, "d"), ask(5, 5, "e"), ask(6, 6, "f"),
		answer(7, 1, "a"), answer(7, 3, "c"), answer(8, 4, "d"), expire(6006),
	})
	want := "2 b 1 rcode=0 2ms from 1; 4 d 1 rcode=0 4ms from 4; 5 e 1 rcode=-1 0s from 5; 6 f 1 rcode=-1 0s from 6"
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got, want := table.Stats(), (Stats{Queries: 6, Answered: 2, TimedOut: 2, Evicted: 2, Unmatched: 2}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

// TestTableUnderFlood: forged queries neither grow the table nor break its
// accounts.
func TestTableUnderFlood(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	table := NewTable(Config{Max: 1000, Timeout: time.Second})
	ended := int64(0)
	out := func(*Transaction) { ended++ }
	for i := range 200_000 {
		k := someKey()
		k.Client = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(rnd.IntN(4)), byte(rnd.IntN(256))}), uint16(1+rnd.IntN(50)))
		m := &Message{ID: uint16(rnd.IntN(3)), Name: string(rune('a' + rnd.IntN(2))), Type: TypeA}
		now := int64(i) * int64(time.Millisecond)
		switch rnd.IntN(4) {
		case 0:
			m.Response = true
			table.Answer(now, k, m, out)
		case 1:
			table.Expire(now, out)
		default:
			table.Query(now, k, m)
		}
		s := table.Stats()
		if s.Queries != s.Answered+s.TimedOut+s.Evicted+s.InFlight || ended != s.Answered+s.TimedOut {
			t.Fatalf("stats %+v do not add up, %d ended", s, ended)
		}
		if len(table.waiting) > 1000 || len(table.index) > 1000 || s.InFlight > 1000 {
			t.Fatalf("%d places, %d in the index, %d in flight, want 1000 at most", len(table.waiting), len(table.index), s.InFlight)
		}
	}
	table.Expire(1<<62, out)
	s := table.Stats()
	if s.InFlight != 0 || len(table.index) != 0 || s.Answered == 0 || s.TimedOut == 0 || s.Mismatch == 0 || s.Repeated == 0 {
		t.Errorf("at the end: %+v, %d in the index", s, len(table.index))
	}
}

func BenchmarkTable(b *testing.B) {
	table, m := NewTable(Config{}), &Message{Name: "www.example", Type: TypeA}
	keys := make([]Key, 1024)
	for i := range keys {
		keys[i] = someKey()
		keys[i].Client = netip.AddrPortFrom(keys[i].Client.Addr(), uint16(1024+i))
	}
	out := func(*Transaction) {}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		now := int64(i) * 1000
		m.ID, m.Response = uint16(i), false
		table.Query(now, keys[i%len(keys)], m)
		if i >= 500 { // that many wait
			m.ID, m.Response = uint16(i-500), true
			table.Answer(now, keys[(i-500)%len(keys)], m, out)
		}
	}
}
