package exchange

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/l7/http"
)

// sink writes exchanges down.
type sink struct{ got []flow.HTTP }

func (s *sink) Add(x *flow.HTTP) { s.got = append(s.got, *x) }

var local, remote = netip.MustParseAddrPort("10.0.0.1:40000"), netip.MustParseAddrPort("10.0.0.2:80")

func end() *Endpoint {
	return &Endpoint{Netns: 7, Local: local, Remote: remote, PID: 42, Process: "curl"}
}

// say feeds a text from one side and returns what is wanted next.
func say(t *Tracker, id uint64, from http.Side, at int64, pos uint64, text string) (http.Verdict, http.Capture) {
	return t.Segment(id, end(), &http.Segment{Time: at, From: from, Pos: pos, Len: len(text), Data: []byte(text)})
}

const (
	ask    = "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n"
	answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
)

func TestExchange(t *testing.T) {
	for _, tt := range []struct {
		name          string
		client        http.Side
		direction     flow.Direction
		read, written uint64
	}{
		{"client", http.Local, flow.Outgoing, uint64(len(answer)), uint64(len(ask))},
		{"server", http.Remote, flow.Incoming, uint64(len(ask)), uint64(len(answer))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := &sink{}
			tracker := New(Config{Out: out, NetnsDev: 4, Container: func(uint64, uint32) string { return "box" }})
			say(tracker, 1, tt.client, 1000, 1, ask)
			say(tracker, 1, 1-tt.client, 3500, 1, answer)
			tracker.Closed(1, 4000)
			want := flow.HTTP{
				Netns: 7, NetnsDev: 4, Local: local, Remote: remote, Direction: tt.direction,
				PID: 42, Process: "curl", Container: "box",
				Version: "1.1", Method: "GET", Path: "/a", Host: "h", Status: 200, GRPCStatus: -1,
				Latency: 2500, Read: tt.read, Written: tt.written,
			}
			if len(out.got) != 1 || out.got[0] != want {
				t.Errorf("got %+v\nwant one %+v", out.got, want)
			}
			if got := tracker.Stats(); got != (Stats{Opened: 1, Closed: 1}) {
				t.Errorf("stats %+v", got)
			}
		})
	}
}

// TestFinished: the end of the server's stream is that of its answer, and the
// last that is seen of the connection.
func TestFinished(t *testing.T) {
	out := &sink{}
	tracker := New(Config{Out: out})
	packet := func(from http.Side, at int64, seq uint32, text string) {
		tracker.Packet(1, end(), &http.Segment{Time: at, From: from, Len: len(text), Data: []byte(text)}, seq)
	}
	const endless = "HTTP/1.0 200 OK\r\n\r\nhi"
	packet(http.Local, 1, 0xfffffff0, ask)
	packet(http.Remote, 2, 50, endless)
	tracker.Finished(1, http.Remote, 50+uint32(len(endless))+1, 3)
	tracker.Finished(2, http.Remote, 50, 3)
	if len(out.got) != 0 || !tracker.Known(1) {
		t.Fatal("closed although a byte is missing")
	}
	tracker.Finished(1, http.Remote, 50+uint32(len(endless)), 3)
	if len(out.got) != 1 || out.got[0].Status != 200 || out.got[0].Read != uint64(len(endless)) {
		t.Errorf("got %+v", out.got)
	}
	if got := tracker.Stats(); got != (Stats{Opened: 1, Closed: 1}) {
		t.Errorf("stats %+v", got)
	}
}

// TestFinishedLingers: a connection of which one end was closed is waited for,
// but not as long as one that is merely silent.
func TestFinishedLingers(t *testing.T) {
	out := &sink{}
	tracker := New(Config{Out: out})
	for id := range uint64(2) {
		tracker.Packet(id, end(), &http.Segment{Time: 1, From: http.Local, Len: len(ask), Data: []byte(ask)}, 0)
	}
	tracker.Finished(1, http.Local, uint32(len(ask)), 2)
	for _, tt := range []struct {
		after time.Duration
		open  int64
	}{{59 * time.Second, 2}, {61 * time.Second, 1}, {301 * time.Second, 0}} {
		tracker.Expire(1 + int64(tt.after))
		if open := tracker.Stats().Open; open != tt.open {
			t.Errorf("after %v: %d are open, want %d", tt.after, open, tt.open)
		}
	}
}

// TestOwnerComesLate: the server's process is known when it answers.
func TestOwnerComesLate(t *testing.T) {
	out := &sink{}
	asked := 0
	tracker := New(Config{Out: out, Container: func(_ uint64, pid uint32) string { asked++; return fmt.Sprint(pid) }})
	nobody := &Endpoint{Local: local, Remote: remote}
	tracker.Segment(1, nobody, &http.Segment{Time: 1, From: http.Remote, Pos: 1, Len: len(ask), Data: []byte(ask)})
	tracker.Segment(1, end(), &http.Segment{Time: 2, From: http.Local, Pos: 1, Len: len(answer), Data: []byte(answer)})
	tracker.Segment(1, nobody, &http.Segment{Time: 3, From: http.Remote, Pos: 1 + uint64(len(ask)), Len: len(ask), Data: []byte(ask)})
	tracker.Closed(1, 4)
	if len(out.got) != 2 {
		t.Fatalf("%d exchanges, want 2", len(out.got))
	}
	for _, x := range out.got {
		if x.PID != 42 || x.Process != "curl" || x.Container != "42" {
			t.Errorf("owner %d %q in %q, want 42 curl in 42", x.PID, x.Process, x.Container)
		}
	}
	if asked != 1 {
		t.Errorf("searched %d times for the container of one owner", asked)
	}
}

// TestOther: a connection that is something else is left, and not taken up
// again by what was on its way.
func TestOther(t *testing.T) {
	tracker := New(Config{Out: &sink{}})
	var verdict http.Verdict
	const hello = "\x16\x03\x01 hello"
	for i := range 40 {
		verdict, _ = say(tracker, 1, http.Side(i%2), int64(i), uint64(i/2*len(hello)), hello)
	}
	if verdict != http.NotHTTP {
		t.Fatalf("verdict %v after 40 segments", verdict)
	}
	if v, c := say(tracker, 1, http.Local, 50, 1<<20, ask); v != http.NotHTTP || c != http.None {
		t.Errorf("taken up again: %v, %v", v, c)
	}
	if got := tracker.Stats(); got != (Stats{Opened: 1, Open: 1, Left: 1}) {
		t.Errorf("stats %+v", got)
	}
}

func TestBound(t *testing.T) {
	tracker := New(Config{Out: &sink{}, MaxConns: 2})
	for id := range uint64(3) {
		say(tracker, id, http.Local, 1, 1, ask)
	}
	if got := tracker.Stats(); got != (Stats{Opened: 2, Open: 2, Refused: 1}) {
		t.Errorf("stats %+v", got)
	}
}

// TestExpire: what is silent for too long ends, with the exchange that is open.
func TestExpire(t *testing.T) {
	out := &sink{}
	tracker := New(Config{Out: out, Idle: time.Second})
	say(tracker, 1, http.Local, 0, 1, ask)
	say(tracker, 2, http.Local, int64(time.Second), 1, ask)
	tracker.Expire(int64(time.Second) + 1)
	if got := tracker.Stats(); got != (Stats{Opened: 2, Open: 1, Expired: 1}) {
		t.Errorf("stats %+v", got)
	}
	tracker.Close(int64(2 * time.Second)) // leaves out the request that waits
	var statuses []int
	for _, x := range out.got {
		statuses = append(statuses, x.Status)
	}
	if !slices.Equal(statuses, []int{0}) {
		t.Errorf("statuses %v, want one exchange without an answer", statuses)
	}
	if got := tracker.Stats(); got != (Stats{Opened: 2, Closed: 1, Expired: 1, Waiting: 1}) {
		t.Errorf("stats %+v", got)
	}
}

// TestSequences: sequence numbers wrap, come late and begin anywhere.
func TestSequences(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   []uint32
		want []int64 // from the first
	}{
		{"forward", []uint32{10, 20, 4000}, []int64{0, 10, 3990}},
		{"wrap", []uint32{0xfffffff0, 0x10, 5}, []int64{0, 0x20, 0x15}},
		{"late", []uint32{5, 0xfffffff0, 5}, []int64{0, -0x15, 0}},
		{"first is late", []uint32{0, 0xffffff00}, []int64{0, -0x100}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var s Sequence
			first := s.At(tt.in[0])
			for i, seq := range tt.in[1:] {
				if got := int64(s.At(seq) - first); got != tt.want[i+1] {
					t.Errorf("%#x is at %d, want %d", seq, got, tt.want[i+1])
				}
			}
		})
	}
}

// TestPacketTellsChanges: whole packets are asked for once, when HTTP/2 begins.
func TestPacketTellsChanges(t *testing.T) {
	tracker := New(Config{Out: &sink{}})
	preface := "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	seq := uint32(0xfffffffa)
	for i, want := range []struct {
		capture http.Capture
		changed bool
	}{{http.All, true}, {http.All, false}} {
		text := preface
		if i > 0 {
			text = "\x00\x00\x00\x04\x00\x00\x00\x00\x00" // SETTINGS
		}
		s := http.Segment{Time: int64(i), From: http.Local, Len: len(text), Data: []byte(text)}
		capture, changed := tracker.Packet(1, end(), &s, seq)
		if capture != want.capture || changed != want.changed {
			t.Errorf("packet %d: %v, changed %v; want %+v", i, capture, changed, want)
		}
		seq += uint32(len(text))
	}
}
