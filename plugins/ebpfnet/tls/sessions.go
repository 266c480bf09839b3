package tls

import (
	"time"

	"datakit.dev/agent/internal/l7/http"
	"datakit.dev/agent/plugins/ebpfnet/exchange"
)

// Bounds of what waits for its connection to become known. That happens with
// libraries that encrypt into memory, until the first answer is sent.
const (
	maxHeldSession = 64       // segments of one session
	maxHeldBytes   = 16 << 20 // of all
	heldTime       = time.Minute
	idleTime       = 2 * time.Minute // what is remembered beside that is an economy
	maxRemembered  = 65536
)

// How much of each call is asked for; see RECORDS of emit.h, CAPTURE_MOST of run.h.
const (
	captureNothing = 0
	captureLength  = 1    // only how much it is
	captureFirst   = 4096 // CAPTURE_FIRST: before anybody asks
	captureHeads   = 512
	captureAll     = 64 << 10
)

// sessions passes segments on, in order, once their connection is known. It
// belongs to one goroutine.
type sessions struct {
	sink  Sink
	name  func(pid uint32) string
	order func(key callsSessionKey, o callsOrder)

	open      map[uint64]*session
	heldBytes int
	swept     int64

	passed       int64 // segments the sink got
	noConnection int64 // segments whose connection never became known
	notHTTP      int64 // sessions
	refused      int64 // records that make no sense
	held         int64 // segments that wait now
}

// session is one TLS connection as a process sees it.
type session struct {
	at    exchange.Endpoint
	bound bool
	held  []segment
	count int    // segments passed
	asked uint32 // what the kernel was told last
	last  int64  // time of the last segment
}

func newSessions(sink Sink, name func(uint32) string, order func(callsSessionKey, callsOrder)) *sessions {
	return &sessions{sink: sink, name: name, order: order, open: map[uint64]*session{}}
}

// take is called for each record of the ring.
func (ss *sessions) take(s *segment) {
	e := ss.open[s.Id]
	if e == nil {
		if len(ss.open) >= maxRemembered {
			ss.forget(s.Time, 0)
		}
		e = &session{asked: captureFirst}
		ss.open[s.Id] = e
	}
	e.last = int64(s.Time)
	if s.bound() && !e.bound {
		e.at, e.bound = s.endpoint(), true
		e.at.Process = ss.name(s.Pid)
		ss.release(e)
	}
	switch callsKind(s.Kind) {
	case callsKindKIND_DATA:
		if e.bound {
			ss.pass(e, s)
		} else {
			ss.hold(e, s)
		}
	case callsKindKIND_ENDED:
		ss.drop(e)
		if e.bound {
			ss.sink.Closed(s.Id, int64(s.Time))
		}
		delete(ss.open, s.Id)
	}
}

func (ss *sessions) pass(e *session, s *segment) {
	ss.passed++
	e.count++
	from := http.Remote
	if callsSide(s.Side) == callsSideSIDE_WRITE {
		from = http.Local
	}
	verdict, capture := ss.sink.Segment(s.Id, &e.at, &http.Segment{
		Time: int64(s.Time), From: from, Pos: s.Pos, Len: int(s.Len), Data: s.data,
	})
	ss.ask(e, s, verdict, capture)
}

// settled is after how many segments it pays to ask for less.
const settled = 4

// ask tells the kernel what is wanted of a session from now on, when that has
// changed.
func (ss *sessions) ask(e *session, s *segment, verdict http.Verdict, capture http.Capture) {
	want := uint32(captureFirst)
	switch {
	case verdict == http.NotHTTP:
		want = captureNothing
	case verdict == http.Undecided:
	case capture == http.All:
		want = captureAll
	case capture == http.None:
		want = captureLength
	case e.count >= settled:
		want = captureHeads
	default:
		want = e.asked
	}
	if want == e.asked {
		return
	}
	if want == captureNothing {
		ss.notHTTP++
	}
	e.asked = want
	ss.order(s.key(), callsOrder{Id: s.Id, Bytes: want})
}

// hold keeps a segment until its connection is known.
func (ss *sessions) hold(e *session, s *segment) {
	if len(e.held) >= maxHeldSession || ss.heldBytes+len(s.data) > maxHeldBytes {
		ss.noConnection++
		return
	}
	kept := *s
	kept.data = append([]byte(nil), s.data...)
	e.held = append(e.held, kept)
	ss.heldBytes += len(kept.data)
	ss.held++
}

// release passes what was held.
func (ss *sessions) release(e *session) {
	held := ss.unhold(e)
	for i := range held {
		ss.pass(e, &held[i])
	}
}

// drop gives up what was held.
func (ss *sessions) drop(e *session) { ss.noConnection += int64(len(ss.unhold(e))) }

func (ss *sessions) unhold(e *session) []segment {
	held := e.held
	for i := range held {
		ss.heldBytes -= len(held[i].data)
	}
	ss.held -= int64(len(held))
	e.held = nil
	return held
}

// sweep forgets, now and then, what has not moved for a while. now is of the
// clock of the segments.
func (ss *sessions) sweep(now int64) {
	if now-ss.swept < int64(heldTime/4) {
		return
	}
	ss.swept = now
	ss.forget(uint64(now), idleTime)
}

func (ss *sessions) forget(now uint64, idle time.Duration) {
	for id, e := range ss.open {
		age := time.Duration(int64(now) - e.last)
		if len(e.held) > 0 && (age > heldTime || idle == 0) {
			ss.drop(e)
		}
		if len(e.held) == 0 && age >= idle {
			delete(ss.open, id)
		}
	}
}
