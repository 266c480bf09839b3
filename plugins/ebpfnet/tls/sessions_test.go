package tls

import (
	"fmt"
	"strings"
	"testing"

	"datakit.dev/agent/internal/l7/http"
	"datakit.dev/agent/plugins/ebpfnet/exchange"
)

// script is a sink that answers what it is told to and writes down what it
// gets.
type script struct {
	verdict http.Verdict
	capture http.Capture
	got     []string
}

func (s *script) Segment(id uint64, at *exchange.Endpoint, x *http.Segment) (http.Verdict, http.Capture) {
	s.got = append(s.got, fmt.Sprintf("%d %s@%d %v %d+%d %s", id, at.Process, at.PID, x.From, x.Pos, x.Len, x.Data))
	return s.verdict, s.capture
}

func (s *script) Closed(id uint64, time int64) {
	s.got = append(s.got, fmt.Sprintf("%d closed %d", id, time))
}

// rig is sessions with what they order.
type rig struct {
	*sessions
	sink   *script
	orders []uint32
}

func newRig() *rig {
	r := &rig{sink: &script{}}
	r.sessions = newSessions(r.sink, func(uint32) string { return "curl" }, func(_ callsSessionKey, o callsOrder) {
		r.orders = append(r.orders, o.Bytes)
	})
	return r
}

// put takes a segment of session id; netns 0 is one without a connection.
func (r *rig) put(id uint64, netns uint32, kind callsKind, side callsSide, pos uint64, text string) {
	s := segment{data: []byte(text)}
	s.Id, s.Pid, s.Kind, s.Side, s.Pos, s.Len, s.Time = id, 7, uint8(kind), uint8(side), pos, uint32(len(text)), 1000
	s.At.Netns = netns
	r.take(&s)
	for i := range s.data {
		s.data[i] = 'x' // the ring uses its memory again
	}
}

func (r *rig) want(t *testing.T, lines ...string) {
	t.Helper()
	if got, want := strings.Join(r.sink.got, "\n"), strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

const (
	data, known, ended = callsKindKIND_DATA, callsKindKIND_BOUND, callsKindKIND_ENDED
	reads, writes      = callsSideSIDE_READ, callsSideSIDE_WRITE
)

func TestPassedInOrder(t *testing.T) {
	r := newRig()
	r.put(1, 5, data, reads, 0, "GET")
	r.put(1, 5, data, writes, 0, "HTTP")
	r.put(1, 5, ended, 0, 0, "")
	r.want(t, "1 curl@7 1 0+3 GET", "1 curl@7 0 0+4 HTTP", "1 closed 1000")
	if len(r.open) != 0 || r.passed != 2 {
		t.Errorf("%d open, %d passed", len(r.open), r.passed)
	}
}

// TestHeldUntilKnown: a server that encrypts into memory reads first.
func TestHeldUntilKnown(t *testing.T) {
	for name, bind := range map[string]func(*rig){
		"by itself":          func(r *rig) { r.put(1, 5, known, 0, 0, "") },
		"by the next one":    func(r *rig) {},
		"with its very last": func(r *rig) {},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig()
			r.put(1, 0, data, reads, 0, "GET")
			if r.held != 1 || r.passed != 0 || r.heldBytes != 3 {
				t.Errorf("held %d, passed %d, %d bytes", r.held, r.passed, r.heldBytes)
			}
			bind(r)
			if name == "with its very last" {
				r.put(1, 5, ended, 0, 0, "")
				r.want(t, "1 curl@7 1 0+3 GET", "1 closed 1000")
			} else {
				r.put(1, 5, data, writes, 0, "HTTP")
				r.want(t, "1 curl@7 1 0+3 GET", "1 curl@7 0 0+4 HTTP")
			}
			if r.held != 0 || r.heldBytes != 0 || r.noConnection != 0 {
				t.Errorf("held %d, %d bytes, %d dropped", r.held, r.heldBytes, r.noConnection)
			}
		})
	}
}

func TestNeverKnown(t *testing.T) {
	r := newRig()
	for i := range maxHeldSession + 3 {
		r.put(1, 0, data, reads, uint64(i), "x")
	}
	if r.held != maxHeldSession || r.noConnection != 3 {
		t.Errorf("held %d, dropped %d", r.held, r.noConnection)
	}
	r.put(1, 0, ended, 0, 0, "")
	if r.held != 0 || r.noConnection != maxHeldSession+3 || r.heldBytes != 0 {
		t.Errorf("held %d, dropped %d", r.held, r.noConnection)
	}
	r.want(t)
	r.put(2, 0, data, reads, 0, "x")
	r.sweep(1000 + int64(heldTime) + 1)
	if r.held != 0 || r.noConnection != maxHeldSession+4 {
		t.Errorf("held %d, dropped %d after a while", r.held, r.noConnection)
	}
}

func TestHeldBytesBound(t *testing.T) {
	r := newRig()
	text := strings.Repeat("x", captureAll)
	for i := range 2 * maxHeldBytes / captureAll {
		r.put(uint64(i), 0, data, reads, 0, text)
	}
	if r.heldBytes > maxHeldBytes || r.held != maxHeldBytes/captureAll || r.noConnection != r.held {
		t.Errorf("%d bytes in %d, %d dropped", r.heldBytes, r.held, r.noConnection)
	}
}

func TestRememberedBound(t *testing.T) {
	r := newRig()
	for i := range uint64(2*maxRemembered + 1) {
		r.put(i, 5, data, reads, 0, "x")
	}
	if len(r.open) > maxRemembered || r.passed != 2*maxRemembered+1 {
		t.Errorf("%d remembered, %d passed", len(r.open), r.passed)
	}
}

func TestOrders(t *testing.T) {
	for _, tt := range []struct {
		name    string
		verdict http.Verdict
		capture http.Capture
		want    string
	}{
		{"undecided", http.Undecided, http.Heads, "[]"},
		{"no HTTP", http.NotHTTP, http.None, "[0]"},
		{"HTTP/1: heads, when it lasts", http.HTTP, http.Heads, "[512]"},
		{"HTTP/2", http.HTTP, http.All, "[65536]"},
		{"upgraded", http.HTTP, http.None, "[1]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig()
			r.sink.verdict, r.sink.capture = tt.verdict, tt.capture
			for i := range 10 {
				r.put(1, 5, data, reads, uint64(i), "x")
			}
			if got := fmt.Sprint(r.orders); got != tt.want {
				t.Errorf("ordered %s, want %s", got, tt.want)
			}
		})
	}
}

func TestIdleForgotten(t *testing.T) {
	r := newRig()
	r.put(1, 5, data, reads, 0, "x")
	r.sweep(int64(idleTime) / 2)
	if len(r.open) != 1 {
		t.Error("forgotten too early")
	}
	r.sweep(1000 + int64(idleTime))
	if len(r.open) != 0 {
		t.Error("not forgotten")
	}
	r.put(1, 5, data, reads, 1, "y") // and taken up again
	r.want(t, "1 curl@7 1 0+1 x", "1 curl@7 1 1+1 y")
}

func BenchmarkTake(b *testing.B) {
	r := newRig()
	r.sink.verdict = http.HTTP
	var s segment
	s.Id, s.At.Netns, s.data, s.Len, s.Captured = 1, 5, make([]byte, 200), 200, 200
	raw := record(s.callsSegment, string(s.data))
	b.ReportAllocs()
	for b.Loop() {
		s.decode(raw)
		r.take(&s)
		r.sink.got = r.sink.got[:0]
	}
}
