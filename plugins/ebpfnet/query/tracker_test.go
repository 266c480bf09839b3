package query

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/plugins/ebpfnet/payload"
)

// book writes down what the tracker hands out.
type book struct {
	got   []flow.DNS
	names map[netip.Addr]string
}

func (b *book) Add(x *flow.DNS) { b.got = append(b.got, *x) }
func (b *book) Learn(a netip.Addr, name string, _ time.Duration) {
	if b.names == nil {
		b.names = map[netip.Addr]string{}
	}
	b.names[a] = name
}

var wall = time.Unix(1700000000, 0)

func newTracker(b *book) *Tracker {
	t := New(Config{Out: b, Domains: b, Now: func() time.Time { return wall }, NetnsDev: 4, MaxConns: 2})
	t.Expire(0)
	return t
}

// message is a query for name, or the answer to it.
func message(t testing.TB, id uint16, name string, rcode int) []byte {
	t.Helper()
	q := dnsmessage.MustNewName(name + ".")
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: q, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	if rcode >= 0 {
		m.Response, m.RCode = true, dnsmessage.RCode(rcode)
	}
	if rcode == 0 {
		m.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: q, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET, TTL: 60},
			Body:   &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}},
		}}
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// packet is one of a client, or of a server.
func packet(kind payload.Kind, client, sent bool, at int64, data []byte) *payload.Packet {
	p := &payload.Packet{Data: data}
	p.Time, p.Kind, p.Len, p.Captured = uint64(at), uint8(kind), uint32(len(data)), uint16(len(data))
	if sent {
		p.Flags = 1
	}
	e := &p.End
	e.Cookie, e.Netns, e.Pid, e.Comm = 1, 7, 42, [16]int8{'d', 'i', 'g'}
	e.Local, e.Remote = netip.MustParseAddr("10.0.0.1").As16(), netip.MustParseAddr("10.0.0.2").As16()
	e.LocalPort, e.RemotePort = 5000, 53
	if !client {
		e.Local, e.Remote, e.LocalPort, e.RemotePort, e.Cookie = e.Remote, e.Local, 53, 5000, 2
	}
	return p
}

func TestUDP(t *testing.T) {
	for _, client := range []bool{true, false} {
		t.Run(fmt.Sprintf("client %v", client), func(t *testing.T) {
			b := &book{}
			tracker := newTracker(b)
			tracker.Packet(packet(payload.DNSUDP, client, client, 1000, message(t, 1, "a.test", -1)))
			tracker.Packet(packet(payload.DNSUDP, client, !client, 4000, message(t, 1, "a.test", 0)))
			want := flow.DNS{
				Netns: 7, NetnsDev: 4, Client: netip.MustParseAddrPort("10.0.0.1:5000"), Server: netip.MustParseAddrPort("10.0.0.2:53"),
				Direction: flow.Outgoing, PID: 42, Process: "dig", Name: "a.test", Type: 1, Latency: 3000, Time: wall.UnixNano() + 1000,
			}
			if !client {
				want.Direction = flow.Incoming
			}
			if len(b.got) != 1 || b.got[0] != want {
				t.Errorf("got %+v\nwant %+v", b.got, want)
			}
			if got := b.names[netip.MustParseAddr("192.0.2.1")]; got != "a.test" {
				t.Errorf("the address is called %q", got)
			}
		})
	}
}

// TestFinishedLingers: of a connection that one end closed the other's end may
// never be seen; answers on their way are.
func TestFinishedLingers(t *testing.T) {
	b := &book{}
	tracker := newTracker(b)
	framed := func(m []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(m))), m...) }
	second := uint64(time.Second)
	tracker.Packet(packet(payload.DNSTCP, true, true, int64(second), framed(message(t, 1, "a.test", -1))))
	fin := packet(payload.DNSTCP, true, true, int64(2*second), nil)
	fin.Flags |= 8
	tracker.Packet(fin)
	tracker.Expire(int64(5 * second))
	tracker.Packet(packet(payload.DNSTCP, true, false, int64(6*second), framed(message(t, 1, "a.test", 0))))
	if len(b.got) != 1 || b.got[0].RCode != 0 {
		t.Errorf("got %+v, want the answer", b.got)
	}
	tracker.Expire(int64(17 * second))
	if tracker.Known(1) {
		t.Error("the connection is still followed")
	}
}

// TestForged: an answer that nobody asked for teaches nothing.
func TestForged(t *testing.T) {
	b := &book{}
	tracker := newTracker(b)
	tracker.Packet(packet(payload.DNSUDP, true, false, 1, message(t, 1, "a.test", 0)))
	if len(b.got) != 0 || len(b.names) != 0 {
		t.Errorf("%v, %v", b.got, b.names)
	}
	if got := tracker.Matched(); got.Unmatched != 1 {
		t.Errorf("%+v", got)
	}
}

func TestTimeout(t *testing.T) {
	b := &book{}
	tracker := newTracker(b)
	tracker.Packet(packet(payload.DNSUDP, true, true, 1000, message(t, 1, "a.test", -1)))
	tracker.Expire(int64(5 * time.Second))
	if len(b.got) != 0 {
		t.Errorf("too early: %v", b.got)
	}
	tracker.Expire(int64(7 * time.Second))
	if len(b.got) != 1 || b.got[0].RCode != -1 || b.got[0].Latency != 0 {
		t.Errorf("%+v", b.got)
	}
}

// TestTCP: messages split over segments and several in one, sequence numbers
// that wrap, one segment twice.
func TestTCP(t *testing.T) {
	prefixed := func(messages ...[]byte) (all []byte) {
		for _, m := range messages {
			all = append(binary.BigEndian.AppendUint16(all, uint16(len(m))), m...)
		}
		return all
	}
	b := &book{}
	tracker := newTracker(b)
	feed := func(sent bool, seq uint32, at int64, data []byte) {
		p := packet(payload.DNSTCP, true, sent, at, data)
		p.Seq = seq
		tracker.Packet(p)
	}
	queries := prefixed(message(t, 1, "a.test", -1), message(t, 2, "b.test", -1))
	answers := prefixed(message(t, 1, "a.test", 3), message(t, 2, "b.test", 0))
	var begin uint32 = 0xfffffff0
	feed(true, begin, 1, queries)
	half := len(answers)/2 - 3
	feed(false, 5, 10, answers[:half])
	feed(false, 5, 11, answers[:half])
	feed(false, 5+uint32(half), 20, answers[half:])
	var got []string
	for _, x := range b.got {
		got = append(got, fmt.Sprintf("%s %d %v", x.Name, x.RCode, x.TCP))
	}
	if want := []string{"a.test 3 true", "b.test 0 true"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	closed := packet(payload.DNSTCP, true, true, 30, nil)
	closed.Flags |= 2
	tracker.Packet(closed)
	if tracker.Known(1) {
		t.Error("closed and still followed")
	}
}

// TestBounds: connections beyond the bound are refused, silent ones make room.
func TestBounds(t *testing.T) {
	tracker := newTracker(&book{})
	for cookie := range uint64(3) {
		p := packet(payload.DNSTCP, true, true, 1, []byte{0, 12})
		p.End.Cookie = cookie
		tracker.Packet(p)
	}
	if got := tracker.Stats(); got != (Stats{Refused: 1}) {
		t.Errorf("%+v", got)
	}
	tracker.Expire(int64(2 * time.Minute))
	if tracker.Known(0) || tracker.Known(1) {
		t.Error("silent and still followed")
	}
}

// TestOwner: who sent is named, also when no answer comes.
func TestOwner(t *testing.T) {
	b := &book{}
	tracker := newTracker(b)
	by := func(pid uint32, name string, p *payload.Packet) {
		p.End.Pid, p.End.Comm = pid, [16]int8{}
		for i := range name {
			p.End.Comm[i] = int8(name[i])
		}
		tracker.Packet(p)
	}
	by(8, "parent", packet(payload.DNSUDP, false, false, 1000, message(t, 2, "b.test", -1)))
	by(9, "named", packet(payload.DNSUDP, false, true, 4000, message(t, 2, "b.test", 3)))
	by(7, "dig", packet(payload.DNSUDP, true, true, 1000, message(t, 1, "a.test", -1)))
	by(9, "named", packet(payload.DNSUDP, false, false, 5000, message(t, 3, "c.test", -1)))
	tracker.Expire(int64(7 * time.Second))
	var got []string
	for _, x := range b.got {
		got = append(got, fmt.Sprintf("%s %d %s %d", x.Name, x.RCode, x.Process, x.PID))
	}
	if want := []string{"b.test 3 named 9", "a.test -1 dig 7", "c.test -1 named 9"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestUndecoded: what is in a TCP connection and no message is counted.
func TestUndecoded(t *testing.T) {
	tracker := newTracker(&book{})
	feed := func(seq uint32, data string) {
		p := packet(payload.DNSTCP, true, true, 1, []byte(data))
		p.Seq = seq
		tracker.Packet(p)
	}
	feed(0, "\xff\xff this is no DNS")
	feed(17, "nor is this, nor this")
	for i := range uint32(8) { // as many as may wait for one that is missing
		feed(1000+20*i, "not this one either.")
	}
	if got := tracker.Stats(); got.Gaps != 1 || got.Unframed != 3 {
		t.Errorf("%+v", got)
	}
}

func TestMalformed(t *testing.T) {
	tracker := newTracker(&book{})
	tracker.Packet(packet(payload.DNSUDP, true, true, 1, []byte("no DNS")))
	tracker.Packet(packet(payload.DNSUDP, true, true, 1, message(t, 1, "a.test", -1)[:14]))
	if got := tracker.Stats(); got.Malformed == 0 {
		t.Errorf("%+v", got)
	}
}
