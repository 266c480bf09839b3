package netlog

import (
	"time"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/l7/http"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/track"
)

// httpTap reads the connections of an interface for HTTP.
type httpTap struct {
	tap   *tap
	max   int
	open  int
	cfg   http.Config
	stats http.Stats
	full  int64 // connections not read because too many are

	conn *track.Conn // whose segment is decoded
	now  int64
	out  func(*http.Exchange)
}

// httpConn is the decoder of one connection.
type httpConn struct {
	conn  *http.Conn
	state httpState
}

type httpState uint8

const (
	httpNew  httpState = iota // nothing was seen of it
	httpOpen                  // conn is set
	httpDone                  // no HTTP, or no room
)

func newHTTPTap(t *tap, limit int) *httpTap {
	h := &httpTap{tap: t, max: limit}
	h.cfg = http.Config{Headers: t.log != nil, Stats: &h.stats, Names: http.NewNames()}
	h.out = h.exchange
	return h
}

// segment hands on a segment with payload.
func (h *httpTap) segment(p *packet.Packet, ev *track.Event, a *attached) {
	x := &a.http
	if x.state == httpNew {
		if h.open >= h.max {
			h.full++
			x.state = httpDone
			return
		}
		h.open++
		x.state, x.conn = httpOpen, http.New(h.cfg)
		h.begin(ev.Conn, p.Time, x.conn)
	}
	h.conn, h.now = ev.Conn, p.Time
	s := http.Segment{Time: p.Time, From: http.Remote, Pos: ev.Pos, Len: p.PayloadLen, Data: p.Payload}
	if ev.Local {
		s.From = http.Local
	}
	if p.TCP.Flags&packet.SYN != 0 {
		s.Pos++ // data on a SYN (RFC 7413) comes after it
	}
	x.conn.Feed(&s, h.out)
	if x.conn.Verdict() == http.NotHTTP {
		h.open--
		*x = httpConn{state: httpDone}
	}
}

// begin tells a decoder where the streams begin, when that was seen.
func (h *httpTap) begin(c *track.Conn, now int64, to *http.Conn) {
	if c.Local.SawSYN() {
		to.Feed(&http.Segment{Time: now, From: http.Local, Pos: c.Local.First + 1}, h.out)
	}
	if c.Remote.SawSYN() {
		to.Feed(&http.Segment{Time: now, From: http.Remote, Pos: c.Remote.First + 1}, h.out)
	}
}

// close ends a connection's decoder.
func (h *httpTap) close(c *track.Conn, a *attached) {
	if a.http.state != httpOpen {
		return
	}
	h.conn, h.now = c, c.Latest
	a.http.conn.Close(c.Latest, h.out)
	h.open--
	a.http = httpConn{state: httpDone}
}

// exchange takes what a decoder found.
func (h *httpTap) exchange(e *http.Exchange) {
	t, c := h.tap, h.conn
	if t.log != nil && t.cfg.protocols[packet.ProtoTCP] {
		t.log.HTTP(c, e.Client)
		t.log.Exchange(c, e, h.now)
	}
	if m := t.cfg.metrics; m == nil || !m.kinds.http || !t.conns[c.Slot].own {
		return
	}
	local, remote := c.Ends()
	f := flow.HTTP{
		Netns: t.on.Netns, NetnsDev: t.on.NetnsDev, Local: local, Remote: remote,
		Direction: flow.Incoming, Container: t.on.Container,
		Version: e.Version, Method: e.Method, Path: e.Path, Host: e.Host, Truncated: e.Truncated,
		Status: e.Status, GRPC: e.GRPC, GRPCStatus: e.GRPCStatus,
		Latency: -1, Read: e.RequestBytes, Written: e.ResponseBytes,
	}
	if e.Client == http.Local {
		f.Direction, f.Read, f.Written = flow.Outgoing, f.Written, f.Read
	}
	if e.RequestEnd != 0 && e.ResponseStart >= e.RequestEnd {
		f.Latency = time.Duration(e.ResponseStart - e.RequestEnd)
	}
	t.cfg.metrics.addHTTP(&f)
}
