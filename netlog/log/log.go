package log

import (
	"github.com/cespare/xxhash/v2"

	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/track"
)

// Config is what a log is made of.
type Config struct {
	Origin Origin
	Pages  *Pages
	// Allow is asked before a point is made; false drops it. Now is the time
	// of the packet or the tick that caused it.
	Allow func(now int64) bool
	// Emit takes a point.
	Emit func(point.Point)
}

// Log makes the log points of one interface. It belongs to the goroutine of
// the interface's table.
type Log struct {
	cfg   Config
	fixed []point.Tag
	seed  uint64
	conns []*conn // by slot of the connection
	spare []*conn
	text  []byte // for messages
	stats Stats
}

// Stats counts since the log was made. Each chunk and each exchange is in
// Written or Limited.
type Stats struct {
	L4Written, L4Limited int64 // points, points beyond the rate cap
	L7Written, L7Limited int64
	RowsMissing          int64 // packets without a row in the message, for want of memory
}

// conn is what a log keeps of a connection.
type conn struct {
	track *track.Conn
	http  bool
	chunk chunk
}

// New makes a log.
func New(cfg Config) *Log {
	o := &cfg.Origin
	return &Log{cfg: cfg, fixed: o.tags(), seed: xxhash.Sum64String(o.NIC + "\x00" + o.MAC + "\x00" + o.Netns)}
}

// Stats counts so far.
func (l *Log) Stats() Stats { return l.stats }

// Packet adds a packet to the chunk of its connection.
func (l *Log) Packet(p *packet.Packet, ev *track.Event) {
	s := l.of(ev.Conn)
	if s.chunk.full(p.Time) {
		l.end(s, p.Time)
	}
	s.chunk.add(p, ev, l.cfg.Pages)
}

// of returns the state of a connection.
func (l *Log) of(c *track.Conn) *conn {
	for int(c.Slot) >= len(l.conns) {
		l.conns = append(l.conns, make([]*conn, int(c.Slot)-len(l.conns)+1)...)
	}
	s := l.conns[c.Slot]
	if s == nil {
		if n := len(l.spare); n > 0 {
			s, l.spare = l.spare[n-1], l.spare[:n-1]
		} else {
			s = new(conn)
		}
		*s = conn{track: c, chunk: chunk{id: 1}}
		l.conns[c.Slot] = s
	}
	return s
}

// Ended ends the last chunk of a connection.
func (l *Log) Ended(c *track.Conn) {
	if int(c.Slot) >= len(l.conns) || l.conns[c.Slot] == nil {
		return
	}
	s := l.conns[c.Slot]
	l.end(s, c.Latest)
	l.conns[c.Slot] = nil
	l.spare = append(l.spare, s)
}

// Flush writes the chunks that take no more packets from a time on. It is due
// every few seconds.
func (l *Log) Flush(now int64) {
	for _, s := range l.conns {
		if s != nil && s.chunk.due(now) {
			l.end(s, now)
		}
	}
}

// end writes a chunk and begins the next.
func (l *Log) end(s *conn, now int64) {
	c := &s.chunk
	if c.packets > 0 {
		if l.cfg.Allow(now) {
			l.cfg.Emit(l.l4(s))
			l.stats.L4Written++
		} else {
			l.stats.L4Limited++
		}
	}
	l.stats.RowsMissing += int64(c.missing)
	l.cfg.Pages.put(c.rows)
	id := c.id
	if c.packets > 0 {
		id++
	}
	*c = chunk{id: id}
}

// Add sums up two logs.
func (s *Stats) Add(o *Stats) {
	s.L4Written += o.L4Written
	s.L4Limited += o.L4Limited
	s.L7Written += o.L7Written
	s.L7Limited += o.L7Limited
	s.RowsMissing += o.RowsMissing
}
