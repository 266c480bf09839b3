package http

// What is done where something is missing.

// noHead deals with v, which is no head although one should begin here; false
// when that may look different when the other side has sent something.
func (c *Conn) noHead(from Side, s *stream, v *view) bool {
	if c.verdict == HTTP {
		c.cfg.Stats.Unparsed++
		s.lost = v.time
		s.pass(v, v.n)
		return true
	}
	if !s.split {
		if c.sides[from^1].prefaced() {
			return false // a cut frame of a server is known by nothing but this
		}
		if n := proxyHeader(v.data); n > 0 && v.fresh {
			s.pass(v, n)
			v.fresh = true
			return true
		}
		if done, wait := c.detect(from, v); done || wait {
			return done
		}
	}
	s.pass(v, v.n)
	c.miss(from)
	return true
}

// unseen passes over a head that begins beyond the capture; false when it is
// a response that has to wait.
func (c *Conn) unseen(from Side, s *stream, v *view, out func(*Exchange)) bool {
	if c.verdict == Undecided {
		s.pass(v, v.n)
		return true
	}
	c.want(from)
	if from != c.client {
		o, early := c.waiting(v.time, s.lost, out)
		if early {
			return false
		}
		s.lost = 0
		if o == nil {
			c.orphan(s, v)
			return true
		}
		s.since = v.time
		if !s.interim {
			s.begin = v.pos
		}
		c.answer(o, s, 0, v.pos)
	} else {
		s.spare = true
	}
	c.cfg.Stats.HeadsLost++
	s.until(v)
	return true
}

// orphan passes over a response without a request.
func (c *Conn) orphan(s *stream, v *view) {
	c.cfg.Stats.Orphans++
	c.orphaned = max(c.orphaned, v.time)
	s.lost, s.spare = 0, true
	s.until(v)
}

// giveUp ends the waiting of v, a response without a request.
func (c *Conn) giveUp(from Side, v *view, out func(*Exchange)) {
	s := &c.sides[from]
	s.split, s.buf = false, nil
	switch {
	case c.verdict == Undecided:
		s.pass(v, v.n)
		c.miss(from)
	case s.state == atHead:
		c.orphan(s, v)
	default:
		s.pass(v, v.n)
	}
}

// gap goes on at position to, behind bytes that never came; t is the time of
// the first that did.
func (c *Conn) gap(from Side, to uint64, t int64, out func(*Exchange)) {
	s := &c.sides[from]
	c.cfg.Stats.Gaps++
	switch {
	case c.h2 != nil:
		c.h2.gap(c, from, to, out)
	case c.leftHTTP1():
	case s.state == inBody && to >= s.end:
		end := s.end
		s.next = end
		c.finish(from, s, out)
		if to == end {
			t = s.lost // nothing but the body
		}
	case s.state == inChunks:
		c.cfg.Stats.ChunksLost++
		s.state = untilNext
	case s.split:
		v := view{time: s.last, pos: s.next}
		var h head
		k, before := h.parse(s.buf, true, c.cfg.Headers), len(s.buf)
		switch {
		case !h.likely(s.buf, false):
		case k == isRequest && (c.verdict == Undecided || from == c.client):
			c.request(from, s, &v, &h, before, out)
		case k == isReply && (c.verdict == Undecided || from != c.client):
			if !c.reply(from, s, &v, &h, before, out) {
				c.orphan(s, &v)
			}
		}
		s.split, s.buf = false, nil
	}
	s.next, s.lost = to, t
}
