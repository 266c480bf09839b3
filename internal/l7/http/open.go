package http

// open is a request of HTTP/1 whose exchange has not ended.
type open struct {
	Exchange
	asked    bool   // the request is over
	least    uint64 // where the request ends at the earliest, when its end is not known
	answered bool   // the response is over
	began    bool   // the final response began
	upgrade  bool   // it offers h2c
	sent     uint64 // position of its response's first byte, 1xx included
}

// begin opens a request.
func (c *Conn) begin(from Side, l *head, s *stream, out func(*Exchange)) *open {
	if len(c.open) >= maxOpen {
		c.cfg.Stats.Overflowed++
		c.abandon(0, out)
	}
	c.open = append(c.open, open{})
	c.cfg.Stats.Open++
	o := &c.open[len(c.open)-1]
	e := &o.Exchange
	e.Client, e.GRPCStatus = from, -1
	e.Version = version(l.minor)
	e.Method = method(l.method)
	path, host, cut := splitTarget(l.target, e.Method == "CONNECT", l.cut)
	if len(path) > c.cfg.MaxPath {
		path, cut = path[:c.cfg.MaxPath], true
	}
	if host == nil {
		host = l.host
	}
	e.Path, e.Host, e.Truncated = c.cfg.Names.of(path), c.cfg.Names.of(host), cut
	if c.cfg.Headers {
		trace, parent := l.trace.ids()
		e.TraceID, e.ParentID = string(trace), string(parent)
	}
	e.RequestStart, e.RequestPos = s.since, s.begin
	return o
}

func version(minor byte) string {
	if minor == 0 {
		return "1.0"
	}
	return "1.1"
}

// waiting returns the request that a response which begins at time t answers:
// the oldest without one. early says that this cannot be told yet; nil without
// it that there is none. lost is the time of the server's last gap, or 0.
func (c *Conn) waiting(t, lost int64, out func(*Exchange)) (o *open, early bool) {
	first := 0
	for first < len(c.open) && c.open[first].began {
		first++
	}
	for first < len(c.open) && c.open[first].RequestStart <= c.orphaned {
		c.abandon(first, out) // its response was given up before it came
	}
	n := 0
	for first+n < len(c.open) && c.open[first+n].RequestStart <= t {
		n++
	}
	if lost != 0 && n > 0 {
		if early := c.skipLost(first, n, t, lost, out); early {
			return nil, true
		}
	}
	switch {
	case first == len(c.open):
		return nil, true
	case c.open[first].RequestStart > t:
		return nil, false
	default:
		return &c.open[first], false
	}
}

// skipLost abandons the requests among n, from the first one on, that may have
// been answered by a response that was lost before time lost. A response at
// time t belongs to the last request before it, unless that one is the only
// one that can have been answered by the lost one, or requests are missing or
// pipelined. Whether they are missing is known when the client has sent on.
func (c *Conn) skipLost(first, n int, t, lost int64, out func(*Exchange)) (early bool) {
	last := c.open[first+n-1].RequestStart
	asking := &c.sides[c.client]
	switch {
	case c.pipelined || asking.lost > last || n == 1 && last <= lost:
	case n > 1 && asking.last <= t:
		return true
	default:
		n--
	}
	for range n {
		c.abandon(first, out)
	}
	return false
}

// answering returns the exchange whose response is being read.
func (c *Conn) answering() *open {
	for i := range c.open {
		if o := &c.open[i]; o.began && !o.answered {
			return o
		}
	}
	return nil
}

// asking returns the exchange whose request is being read.
func (c *Conn) asking() *open {
	if n := len(c.open); n > 0 && !c.open[n-1].asked {
		return &c.open[n-1]
	}
	return nil
}

// flush hands out the exchanges that ended.
func (c *Conn) flush(out func(*Exchange)) {
	for len(c.open) > 0 {
		o := &c.open[0]
		if !o.answered || !o.asked && c.sides[o.Client].next < o.least {
			return
		}
		if !o.asked {
			c.askedUntil(o)
		}
		c.emit(&o.Exchange, out)
		c.drop(0)
	}
}

// askedUntil ends a request where its side now is.
func (c *Conn) askedUntil(o *open) {
	s := &c.sides[o.Client]
	o.asked = true
	o.RequestEnd, o.RequestBytes = s.last, s.next-o.RequestPos
	if s.state == untilNext {
		s.spare = true
	}
}

// abandon hands out an exchange as it is.
func (c *Conn) abandon(i int, out func(*Exchange)) {
	o := &c.open[i]
	if !o.asked {
		c.askedUntil(o)
	}
	if s := &c.sides[o.Client^1]; o.began && !o.answered {
		o.ResponseEnd, o.ResponseBytes = s.last, s.next-o.sent
		s.spare = true
	}
	if !o.began {
		c.cfg.Stats.Unanswered++
	}
	c.emit(&o.Exchange, out)
	c.drop(i)
}

func (c *Conn) drop(i int) {
	n := copy(c.open[i:], c.open[i+1:])
	c.open[i+n] = open{}
	c.open = c.open[:i+n]
}

// emit hands out e.
func (c *Conn) emit(e *Exchange, out func(*Exchange)) {
	c.cfg.Stats.Exchanges++
	c.cfg.Stats.Open--
	for i := range c.wanted {
		if c.wanted[i] > 0 {
			c.wanted[i]--
		}
	}
	out(e)
}
