package track

import (
	"time"
	"unsafe"

	"datakit.dev/agent/netlog/packet"
)

// Config bounds a table. Zero values mean the defaults.
type Config struct {
	Max int // connections; DefaultMax

	// How long a connection may be silent: IdleTimeout (2 min) while it is
	// open, OverTimeout (1 min) after it was closed.
	IdleTimeout, OverTimeout time.Duration

	// Opened and Ended, when set, are told of every connection when it
	// begins and when it leaves the table. The Conn is valid during the call.
	Opened func(*Conn)
	Ended  func(*Conn, Reason)

	// Seed scatters the connections; a random one keeps others from choosing
	// collisions.
	Seed [3]uint64
}

// DefaultMax is how many connections a table holds unless configured.
const DefaultMax = 131072

const (
	idleTimeout = 2 * time.Minute
	overTimeout = time.Minute
)

// Table is the connections of one interface. It belongs to one goroutine.
type Table struct {
	cfg   Config
	index index
	slabs [][]Conn
	free  list // by newer; oldest is the next to use
	lists [classes]list
	gaps  gapLists
	key   key // of the packet at hand
	stats Stats
}

// slabSize is how many connections are allocated at a time.
const slabSize = 256

// New makes a table. It grows as it is needed.
func New(cfg Config) *Table {
	if cfg.Max <= 0 {
		cfg.Max = DefaultMax
	}
	if cfg.IdleTimeout <= 0 {
		cfg.IdleTimeout = idleTimeout
	}
	if cfg.OverTimeout <= 0 {
		cfg.OverTimeout = overTimeout
	}
	for i := range cfg.Seed { // odd numbers, so that no factor is 0
		cfg.Seed[i] = (cfg.Seed[i] ^ 0x9e3779b97f4a7c15*uint64(i+1)) | 1
	}
	t := &Table{cfg: cfg, index: newIndex()}
	t.gaps = gapLists{max: max(cfg.Max, gapsPerSide), stats: &t.stats}
	return t
}

// Event is what one packet was to its connection.
type Event struct {
	Conn     *Conn // valid until the next call of a method of the table
	New      bool  // the packet began the connection
	Local    bool  // sent by the local end
	Analysis Analysis
	Pos      uint64 // TCP: stream position of the first sequence number; the low 32 bits are that number
	RTT      int64  // TCP: a sample of the round trip time that this packet completed, ns; 0: none
}

// Packet enters a packet. ok is false for what has no connection: later
// fragments, other protocols.
func (t *Table) Packet(p *packet.Packet) (ev Event, ok bool) {
	switch {
	case p.LaterFragment():
		t.stats.LaterFragments++
		return ev, false
	case p.Proto != packet.ProtoTCP && p.Proto != packet.ProtoUDP && p.Proto != packet.ProtoICMP && p.Proto != packet.ProtoICMPv6:
		t.stats.Untracked++
		return ev, false
	}
	k := &t.key
	k.set(p)
	hash := k.hash((*seed)(&t.cfg.Seed))
	c, local := t.find(k, hash)
	if c != nil && t.replaced(c, p, local) {
		t.end(c, Reused)
		c, ev.Analysis = nil, PortsReused
	} else if c != nil && t.stale(c, p.Time) {
		t.end(c, t.silent(c))
		c = nil
	}
	if c == nil {
		c, local = t.begin(k, hash, p)
		ev.New = true
	}
	t.stats.Tracked++
	ev.Conn, ev.Local = c, local
	fwd, rev := &c.Remote, &c.Local
	if local {
		fwd, rev = rev, fwd
	}
	if p.Proto == packet.ProtoTCP {
		t.tcp(&ev, p, fwd, rev)
	} else {
		fwd.Stream += uint64(p.PayloadLen)
	}
	fwd.Packets++
	fwd.Bytes += uint64(p.PayloadLen)
	t.touch(c, p.Time, c.classify())
	if ev.New && t.cfg.Opened != nil {
		t.cfg.Opened(c)
	}
	return ev, true
}

func (t *Table) tcp(ev *Event, p *packet.Packet, fwd, rev *Side) {
	c := ev.Conn
	a, pos := t.segment(c, p, fwd, rev)
	ev.Analysis |= a
	ev.Pos = pos
	switch {
	case !ev.Local:
		if c.rtt.n > 0 && p.TCP.Flags&packet.ACK != 0 {
			ev.RTT = c.rtt.acknowledge(p.Time, p.TCP.Ack)
		}
	case a.Has(Retransmission):
		c.rtt.repeat()
	case p.TCP.Flags&(packet.SYN|packet.FIN) != 0:
		c.rtt.send(p.Time, uint32(pos)+uint32(p.PayloadLen)+1)
	case p.PayloadLen > 0 && !a.Has(KeepAlive|ZeroWindowProbe):
		c.rtt.send(p.Time, uint32(pos)+uint32(p.PayloadLen))
	}
	c.advance(p, fwd, rev)
}

// find looks for the connection of a packet and tells whether its source is
// the local end.
func (t *Table) find(k *key, hash uint32) (c *Conn, local bool) {
	x := &t.index
	for i := hash & x.mask; ; i = (i + 1) & x.mask {
		at := &x.cells[i]
		if at.number == 0 {
			return nil, false
		}
		if at.hash != hash {
			continue
		}
		c := t.at(at.number)
		if c.network != k.network {
			continue
		}
		if c.local == k.src && c.remote == k.dst {
			return c, true
		}
		if c.local == k.dst && c.remote == k.src {
			return c, false
		}
	}
}

// at returns the connection with a number.
func (t *Table) at(number uint32) *Conn {
	slot := number - 1
	return &t.slabs[slot/slabSize][slot%slabSize]
}

// Stats may be called by the goroutine of the table only.
func (t *Table) Stats() Stats {
	s := t.stats
	s.Open = int64(t.index.used)
	s.Memory = int64(len(t.slabs))*slabSize*int64(unsafe.Sizeof(Conn{})) + int64(len(t.index.cells))*int64(unsafe.Sizeof(cell{})) +
		int64(cap(t.gaps.gaps))*int64(unsafe.Sizeof(gap{}))
	return s
}

// All calls yield for every connection, those silent longest first within
// each class.
func (t *Table) All(yield func(*Conn) bool) {
	for i := range t.lists {
		for at := t.lists[i].oldest; at != 0; {
			c := t.at(at)
			at = c.newer
			if !yield(c) {
				return
			}
		}
	}
}

// Window is the receive window in bytes that a TCP packet advertises, with
// the shift count of its side applied (RFC 7323: never to that of a SYN).
func (ev *Event) Window(p *packet.Packet) uint32 {
	side := &ev.Conn.Remote
	if ev.Local {
		side = &ev.Conn.Local
	}
	if p.TCP.Flags&packet.SYN != 0 {
		return uint32(p.TCP.Window)
	}
	return uint32(p.TCP.Window) << side.scale
}
