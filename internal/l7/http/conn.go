package http

// Conn decodes one connection.
type Conn struct {
	cfg   Config
	sides [2]stream
	open  []open // requests of HTTP/1 that are not done, oldest first

	h2 *http2 // since the connection speaks HTTP/2

	orphaned  int64 // time of the last response whose request had not come
	verdict   Verdict
	client    Side     // once verdict is HTTP
	tunnel    bool     // another protocol took over
	hinted    bool     // frames of HTTP/2 were seen, but nothing that proves it
	pipelined bool     // requests were seen to overtake responses
	misses    uint8    // segments of a connection yet undecided
	turns     uint8    // how often their side changed
	missed    Side     // the last one's side
	wanted    [2]uint8 // exchanges for which whole segments are asked for
}

// New makes a Conn. Nothing needs to be known of the connection: neither its
// beginning nor which side is the client.
func New(cfg Config) *Conn {
	if cfg.MaxPath <= 0 {
		cfg.MaxPath = defaultPath
	}
	if cfg.Stats == nil {
		cfg.Stats = new(Stats)
	}
	return &Conn{cfg: cfg}
}

// Verdict says what the connection turned out to be.
func (c *Conn) Verdict() Verdict { return c.verdict }

// Capture says what is wanted of the segments one side sends from now on. It
// may change with every call of Feed.
func (c *Conn) Capture(from Side) Capture {
	switch {
	case c.verdict == NotHTTP || c.tunnel:
		return None
	case c.h2 != nil || c.hinted && c.verdict == Undecided || c.wanted[from] > 0:
		return All
	default:
		return Heads
	}
}

// Feed decodes a segment and hands out the exchanges that ended with it.
func (c *Conn) Feed(s *Segment, out func(*Exchange)) {
	c.cfg.Stats.Segments++
	if c.verdict == NotHTTP || c.tunnel {
		return
	}
	st := &c.sides[s.From]
	v := view{time: s.Time, pos: s.Pos, n: s.Len, data: s.Data[:min(len(s.Data), s.Len)], fresh: true}
	switch {
	case !st.known:
		st.next, st.known = v.pos, true
	case !st.trim(&v):
		c.cfg.Stats.Repeated++
	}
	if v.n > 0 {
		if len(st.held) > 0 || !st.follows(&v) || !c.take(s.From, &v, out) {
			c.hold(st, &v)
		}
	}
	if len(c.sides[Local].held)+len(c.sides[Remote].held) > 0 {
		c.drain(s.Time, out)
	}
}

// Close ends what is open, at time t: nothing more will come, and what was held
// back is decoded. The Conn is of no further use. It has to be called for every
// Conn but those that are NotHTTP, or else what they hold stays in Stats.Held.
func (c *Conn) Close(_ int64, out func(*Exchange)) {
	c.drain(forever, out)
	if c.h2 != nil {
		c.h2.close(c, out)
	}
	for len(c.open) > 0 {
		c.abandon(0, out)
	}
	c.release()
	c.tunnel = true
}

// release drops what the connection keeps.
func (c *Conn) release() {
	for i := range c.sides {
		s := &c.sides[i]
		c.cfg.Stats.Held -= int64(s.heldBytes)
		s.held, s.heldBytes, s.buf = nil, 0, nil
	}
	c.open, c.h2 = nil, nil
}

// take lets the protocol have v. False: what is left of v has to wait for
// something from the other side.
func (c *Conn) take(from Side, v *view, out func(*Exchange)) bool {
	for v.n > 0 {
		switch {
		case c.verdict == NotHTTP || c.tunnel:
			c.sides[from].pass(v, v.n)
		case c.h2 != nil:
			c.h2.take(c, from, v, out)
		case !c.http1(from, v, out):
			return false
		}
	}
	return true
}

// miss counts a segment of an undecided connection that is no HTTP. A
// protocol of questions and answers is known after four of them, a bulk
// transfer after many: it may be a body, and a request may still come.
func (c *Conn) miss(from Side) {
	c.misses++
	if c.misses == 1 || from != c.missed {
		c.turns++
	}
	c.missed = from
	if c.turns < maxTurns && c.misses < maxMisses {
		return
	}
	c.verdict = NotHTTP
	c.cfg.Stats.NotHTTP++
	c.release()
}

const (
	maxTurns  = 4
	maxMisses = 32
)

// decide takes the connection for HTTP.
func (c *Conn) decide(client Side) {
	c.verdict, c.client = HTTP, client
}

// want asks for whole segments of a side for a while.
func (c *Conn) want(from Side) { c.wanted[from] = wantFor }

// wantFor is how many exchanges whole segments are asked for after one that
// needed them.
const wantFor = 64
