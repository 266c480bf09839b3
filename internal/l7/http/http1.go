package http

import "math"

// http1 takes v as HTTP/1, or as something of which that is not known yet.
// False: v is a response that waits for its request.
func (c *Conn) http1(from Side, v *view, out func(*Exchange)) bool {
	s := &c.sides[from]
	for v.n > 0 && !c.leftHTTP1() {
		switch s.state {
		case atHead:
			if !c.head(from, s, v, out) {
				return false
			}
		case inBody:
			s.pass(v, int(min(uint64(v.n), s.end-v.pos)))
			if s.next == s.end {
				c.finish(from, s, out)
			}
		case inChunks:
			c.chunked(from, s, v, out)
		case untilNext:
			if !c.search(from, s, v, out) {
				return false
			}
		}
	}
	return true
}

// leftHTTP1 reports that what follows is another protocol.
func (c *Conn) leftHTTP1() bool { return c.verdict == NotHTTP || c.tunnel || c.h2 != nil }

// head reads a head, or goes on with one.
func (c *Conn) head(from Side, s *stream, v *view, out func(*Exchange)) bool {
	if !s.split {
		if c.verdict == HTTP {
			for len(v.data) > 0 && (v.data[0] == '\r' || v.data[0] == '\n') {
				s.pass(v, 1) // RFC 9112 §2.2: ignore empty lines before a request
			}
		}
		if v.n == 0 {
			return true
		}
		if len(v.data) == 0 {
			return c.unseen(from, s, v, out)
		}
		if c.verdict == HTTP && from != c.client && len(v.data) > 5 && string(v.data[:5]) == "HTTP/" {
			if _, early := c.waiting(v.time, s.lost, out); early {
				return false // before it is parsed, as it may come again and again
			}
		}
		s.since = v.time
		if !s.interim {
			s.begin = v.pos
		}
	}
	b, before := v.data, len(s.buf)
	if s.split {
		s.buf = append(s.buf, v.data...)
		b = s.buf
	}
	long := len(b) > maxHead
	cut := long || !v.whole()
	if before >= 64 && !cut && !headEnds(b, before) {
		s.pass(v, v.n)
		return true
	}
	var h head
	k := h.parse(b, cut, c.cfg.Headers)
	if (k == isRequest || k == isReply) && !h.likely(b, cut) {
		k = notHead
	}
	switch {
	case k == needMore:
		if !s.split {
			s.split, s.buf = true, append(s.buf[:0], b...)
		}
		s.pass(v, v.n)
		return true
	case k == isRequest && (c.verdict == Undecided || from == c.client):
		c.request(from, s, v, &h, before, out)
	case k == isReply && (c.verdict == Undecided || from != c.client):
		if !c.reply(from, s, v, &h, before, out) {
			s.buf = s.buf[:before]
			return false
		}
	case k == isPreface && (c.verdict == Undecided || from == c.client):
		c.decide(from)
		var synced [2]bool
		synced[from], synced[from^1] = true, c.sides[from^1].last == 0
		c.speak2(before, synced)
	case !c.noHead(from, s, v):
		s.buf = s.buf[:before]
		return false
	}
	if long && h.size == 0 {
		c.cfg.Stats.HeadsLong++
	}
	s.split, s.buf = false, nil
	return true
}

// request begins an exchange. The head is h, of which before bytes came in
// earlier segments.
func (c *Conn) request(from Side, s *stream, v *view, h *head, before int, out func(*Exchange)) {
	c.decide(from)
	if !v.fresh && !s.split && c.unanswered() {
		c.pipelined = true
		c.want(Local)
		c.want(Remote)
	}
	o := c.begin(from, h, s, out)
	o.upgrade = tokenIn(h.upgrade, "h2c")
	if h.size == 0 {
		c.cfg.Stats.HeadsCut++
		if h.cut || c.cfg.Headers {
			c.want(from)
		}
		// A server answers when it has the request, so with the response it is
		// over, but for an upload that is refused early.
		o.least = v.pos + uint64(len(v.data)) + uint64(max(h.length, 0))
		if h.chunked || h.length == unknownLength && (o.Method == "POST" || o.Method == "PUT" || o.Method == "PATCH") {
			o.least = math.MaxUint64 // until the next request
		}
		s.until(v)
		return
	}
	o.least = math.MaxUint64
	if c.wanted[from] > 0 && (h.n > longLine || c.cfg.Headers && h.size > longLine) {
		c.want(from)
	}
	s.pass(v, h.size-before)
	c.body(from, s, h, 0, out)
}

// longLine is the length above which whole segments are still asked for.
const longLine = 100

// unanswered reports that some request has no response yet.
func (c *Conn) unanswered() bool {
	n := len(c.open)
	return n > 0 && !c.open[n-1].began
}

// reply begins a response; false when its request has not come yet.
func (c *Conn) reply(from Side, s *stream, v *view, h *head, before int, out func(*Exchange)) bool {
	c.decide(from ^ 1)
	o, early := c.waiting(s.since, s.lost, out)
	if early {
		return false
	}
	s.lost = 0
	if o == nil {
		c.orphan(s, v)
		return true
	}
	final := h.status >= 200 || h.status == 101
	if h.size == 0 {
		c.cfg.Stats.HeadsCut++
	}
	if !final {
		s.interim = true
		if h.size == 0 {
			s.until(v)
			s.spare = true
		} else {
			s.pass(v, h.size-before)
		}
		return true
	}
	c.answer(o, s, h.status, v.pos-uint64(before))
	if n := len(c.open); !c.pipelined && o != &c.open[n-1] && c.open[n-1].RequestStart < s.since {
		c.pipelined = true
		c.want(Local)
		c.want(Remote)
	}
	switch {
	case h.status == 101 && o.upgrade && h.size > 0 && equalFold(h.upgrade, "h2c"):
		s.pass(v, h.size-before)
		c.upgrade(from, o, out)
	case h.status == 101 || h.status < 300 && o.Method == "CONNECT":
		if h.size > 0 {
			s.pass(v, h.size-before)
		} else {
			s.pass(v, v.n)
		}
		c.leave(o, out)
	case h.size == 0:
		s.until(v)
	default:
		s.pass(v, h.size-before)
		if o.Method == "HEAD" || h.status == 204 || h.status == 304 {
			c.finish(from, s, out)
		} else {
			c.body(from, s, h, unknownLength, out)
		}
	}
	return true
}

// answer notes that the final response to o begins.
func (c *Conn) answer(o *open, s *stream, status int, pos uint64) {
	o.began, o.Status = true, status
	o.ResponseStart, o.ResponsePos = s.since, pos
	o.sent, s.interim, s.spare = s.begin, false, false
}

// body says how the message goes on behind its head (RFC 9112 §6.3). length
// is the one of a message that does not say it.
func (c *Conn) body(from Side, s *stream, h *head, length int64, out func(*Exchange)) {
	if h.length != unknownLength {
		length = h.length
	}
	switch {
	case h.chunked:
		s.state, s.chunk = inChunks, chunks{}
	case h.coded || h.badBody || length == unknownLength:
		s.state = untilNext
	case length == 0:
		c.finish(from, s, out)
	default:
		s.state, s.end = inBody, s.next+uint64(length)
	}
}

// finish ends the message of a side behind the last byte taken.
func (c *Conn) finish(from Side, s *stream, out func(*Exchange)) {
	s.state = atHead
	if s.spare {
		s.spare = false
		return
	}
	if from == c.client {
		if o := c.asking(); o != nil {
			o.asked, o.RequestEnd, o.RequestBytes = true, s.last, s.next-s.begin
		}
	} else if o := c.answering(); o != nil {
		o.answered, o.ResponseEnd, o.ResponseBytes = true, s.last, s.next-s.begin
	}
	c.flush(out)
}

// leave ends HTTP on this connection with o.
func (c *Conn) leave(o *open, out func(*Exchange)) {
	s := &c.sides[o.Client^1]
	o.Upgraded, o.answered = true, true
	o.ResponseEnd, o.ResponseBytes = s.last, s.next-o.sent
	for len(c.open) > 0 {
		c.abandon(0, out)
	}
	c.tunnel = true
	c.release()
}

// until takes v as a part of a message whose end is not known.
func (s *stream) until(v *view) {
	s.state = untilNext
	s.pass(v, v.n)
}

// chunked takes a part of a chunked body.
func (c *Conn) chunked(from Side, s *stream, v *view, out func(*Exchange)) {
	for v.n > 0 {
		if n := s.chunk.skip(v.n); n > 0 {
			s.pass(v, n)
			continue
		}
		n, r := s.chunk.parse(v.data)
		s.pass(v, n)
		switch {
		case r == chunkEnd:
			c.finish(from, s, out)
			return
		case r == chunkBad || s.chunk.part != chunkData && v.n > 0:
			c.cfg.Stats.ChunksLost++
			s.until(v)
			return
		}
	}
}

// search looks whether the next message begins with v; if not, v belongs to
// the one whose end is not known.
func (c *Conn) search(from Side, s *stream, v *view, out func(*Exchange)) bool {
	if !v.fresh || len(v.data) == 0 {
		s.pass(v, v.n)
		return true
	}
	var l startLine
	cut := !v.whole()
	switch k := l.parse(v.data, cut); {
	case (k == isRequest || k == isReply) && !l.likely(v.data, cut):
	case k == isRequest && from == c.client:
		c.finish(from, s, out)
		return true
	case k == isReply && from != c.client:
		o, early := c.waiting(v.time, 0, out)
		if early {
			return false
		}
		if o != nil {
			c.finish(from, s, out)
			return true
		}
	}
	s.pass(v, v.n)
	return true
}
