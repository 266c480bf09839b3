package exchange

import (
	"time"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/l7/http"
)

// Sink takes exchanges; flow.HTTPAggregator is one. It must not keep x.
type Sink interface{ Add(x *flow.HTTP) }

// Bounds when [Config] names none.
const (
	DefaultMaxConns = 65536
	DefaultIdle     = 5 * time.Minute
)

// lingers is how long the kernel keeps an end that was closed and waits for
// the other one (tcp_fin_timeout): what is silent for longer is not heard of
// again, but for programs that shut down one direction only.
const lingers = time.Minute

// Config says what a Tracker is made of.
type Config struct {
	HTTP http.Config // Stats and Names are set by New when missing
	Out  Sink

	// MaxConns bounds the connections that are followed at one time, about
	// 500 bytes each; those beyond are counted and not looked at. 0:
	// DefaultMaxConns.
	MaxConns int
	// Idle is how long a connection may be silent until it is forgotten; what
	// is open then is handed out. It is taken up again should it speak. 0:
	// DefaultIdle.
	Idle time.Duration

	NetnsDev uint64 // device id of the file system nsfs
	// Container finds the container of a socket, "" for none; nil: nobody asks.
	Container func(cgroup uint64, pid uint32) string
}

// Tracker holds the decoders of all connections. It belongs to one goroutine.
type Tracker struct {
	cfg   Config
	conns map[uint64]*conn
	stats Stats

	leaving bool  // see Close
	current *conn // whose exchanges are being handed out
	emit    func(*http.Exchange)
	out     flow.HTTP // handed to the sink, again and again
}

// New makes a Tracker.
func New(cfg Config) *Tracker {
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = DefaultMaxConns
	}
	if cfg.Idle <= 0 {
		cfg.Idle = DefaultIdle
	}
	if cfg.HTTP.Stats == nil {
		cfg.HTTP.Stats = new(http.Stats)
	}
	if cfg.HTTP.Names == nil {
		cfg.HTTP.Names = http.NewNames()
	}
	t := &Tracker{cfg: cfg, conns: map[uint64]*conn{}}
	t.emit = t.exchange
	return t
}

// Segment decodes a segment of the connection id and says what is wanted of
// those to come, from either side. After NotHTTP nothing is. An id is unique
// for as long as the Tracker lives; those of TLS sessions have the top bit set.
func (t *Tracker) Segment(id uint64, e *Endpoint, s *http.Segment) (http.Verdict, http.Capture) {
	c := t.conn(id, e, s.Time)
	if c == nil {
		return http.NotHTTP, http.None
	}
	return t.feed(c, s)
}

// Closed ends a connection.
func (t *Tracker) Closed(id uint64, time int64) {
	c := t.conns[id]
	if c == nil {
		return
	}
	t.end(c, time)
	t.stats.Closed++
	delete(t.conns, id)
}

// Expire forgets the connections that have been silent for too long; now is
// of the clock of the segments. It looks at all connections.
func (t *Tracker) Expire(now int64) {
	for id, c := range t.conns {
		if silent := now - c.last; silent > int64(t.cfg.Idle) || c.ending && silent > int64(lingers) {
			t.end(c, now)
			t.stats.Expired++
			delete(t.conns, id)
		}
	}
}

// Close ends all connections, because nobody will look any more. Requests that
// wait for their response are not handed out: they may well get one.
func (t *Tracker) Close(now int64) {
	t.leaving = true
	for id := range t.conns {
		t.Closed(id, now)
	}
}

// conn returns the connection, nil when there are too many.
func (t *Tracker) conn(id uint64, e *Endpoint, now int64) *conn {
	c := t.conns[id]
	if c == nil {
		if len(t.conns) >= t.cfg.MaxConns {
			t.stats.Refused++
			return nil
		}
		c = &conn{end: *e, http: http.New(t.cfg.HTTP), told: http.Heads}
		t.conns[id] = c
		t.stats.Opened++
	}
	c.last = now
	c.owned(e)
	return c
}

func (t *Tracker) feed(c *conn, s *http.Segment) (http.Verdict, http.Capture) {
	if c.http == nil {
		return http.NotHTTP, http.None
	}
	t.current = c
	c.http.Feed(s, t.emit)
	verdict := c.http.Verdict()
	if verdict == http.NotHTTP {
		c.http = nil // what is still on its way is not looked at again
		t.stats.Left++
		return verdict, http.None
	}
	return verdict, max(c.http.Capture(http.Local), c.http.Capture(http.Remote))
}

func (t *Tracker) end(c *conn, now int64) {
	if c.http != nil {
		t.current = c
		c.http.Close(now, t.emit)
	}
}

// exchange hands one on, as its local end sees it.
func (t *Tracker) exchange(x *http.Exchange) {
	if t.leaving && x.Status == 0 {
		t.stats.Waiting++
		return
	}
	c, e := t.current, &t.current.end
	t.out = flow.HTTP{
		Netns: e.Netns, NetnsDev: t.cfg.NetnsDev, Local: e.Local, Remote: e.Remote,
		PID: e.PID, Process: e.Process, Container: t.container(c),
		Version: x.Version, Method: x.Method, Path: x.Path, Host: x.Host, Truncated: x.Truncated,
		Status: x.Status, GRPC: x.GRPC, GRPCStatus: x.GRPCStatus, Latency: -1,
		Direction: flow.Incoming, Read: x.RequestBytes, Written: x.ResponseBytes,
	}
	if x.Client == http.Local {
		t.out.Direction = flow.Outgoing
		t.out.Read, t.out.Written = x.ResponseBytes, x.RequestBytes
	}
	if x.ResponseStart != 0 && x.RequestEnd != 0 {
		t.out.Latency = time.Duration(x.ResponseStart - x.RequestEnd)
	}
	t.cfg.Out.Add(&t.out)
}

func (t *Tracker) container(c *conn) string {
	if t.cfg.Container == nil {
		return ""
	}
	if !c.searched {
		c.container, c.searched = t.cfg.Container(c.end.CgroupID, c.end.PID), true
	}
	return c.container
}
