package log

import (
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/track"
)

// When a chunk ends.
const (
	maxRows   = 256
	moreRows  = 64 // for a chunk that saw FIN or RST, to hold the end of the connection
	maxAge    = 30 * second
	maxSilent = 30 * second
	second    = 1_000_000_000
)

// chunk is a run of packets of one connection, which becomes one point.
type chunk struct {
	id          int
	packets     int
	first, last int64
	tx, rx      tally
	rtt         int64 // smoothed, as of the last packet
	syn, fin    bool
	established bool // the handshake ended in this chunk
	closed      bool // the connection ended in this chunk
	macs        [4][6]byte
	rows        *page // newest last
	tail        *page
	missing     int // rows there was no memory for
}

// tally counts one direction of a chunk.
type tally struct {
	packets, bytes  int64
	retransmits     int64
	synRetransmits  int64
	resets          int64
	outOfOrder      int64
	duplicateAcks   int64
	keepAlives      int64
	zeroWindows     int64
	positions       bool // lowest and highest are set
	lowest, highest uint64
}

// full reports whether a packet of this time begins a new chunk.
func (c *chunk) full(at int64) bool {
	limit := maxRows
	if c.fin {
		limit += moreRows
	}
	return c.packets >= limit || c.due(at)
}

// due reports whether a chunk takes no more packets from a time on.
func (c *chunk) due(at int64) bool {
	return c.packets > 0 && (at-c.first >= maxAge || at-c.last >= maxSilent)
}

// add counts a packet.
func (c *chunk) add(p *packet.Packet, ev *track.Event, pages *Pages) {
	if c.packets == 0 {
		c.first = p.Time
	}
	c.packets++
	c.last = p.Time
	t := &c.rx
	if ev.Local {
		t = &c.tx
	}
	t.packets++
	t.bytes += int64(p.PayloadLen)
	if p.Proto == packet.ProtoTCP {
		c.tcp(p, ev, t)
	}
	c.row(p, ev, pages)
}

func (c *chunk) tcp(p *packet.Packet, ev *track.Event, t *tally) {
	f, a := p.TCP.Flags, ev.Analysis
	if a != 0 {
		t.analysis(a)
	}
	if f&(packet.SYN|packet.FIN|packet.RST) != 0 {
		c.syn = c.syn || f.Has(packet.SYN)
		c.fin = c.fin || f&(packet.FIN|packet.RST) != 0
		if f.Has(packet.RST) {
			t.resets++
		}
	}
	if !t.positions || ev.Pos < t.lowest {
		t.lowest = ev.Pos
	}
	if !t.positions || ev.Pos > t.highest {
		t.highest = ev.Pos
	}
	t.positions = true
	smoothed, _ := ev.Conn.RTT()
	c.rtt = int64(smoothed)
	c.established = c.established || ev.Conn.Established == p.Time
	c.closed = c.closed || ev.Conn.Closed == p.Time
}

func (t *tally) analysis(a track.Analysis) {
	count := func(n *int64, what track.Analysis) {
		if a.Has(what) {
			*n++
		}
	}
	count(&t.retransmits, track.Retransmission)
	count(&t.synRetransmits, track.SYNRetransmission)
	count(&t.outOfOrder, track.OutOfOrder)
	count(&t.duplicateAcks, track.DuplicateAck)
	count(&t.keepAlives, track.KeepAlive)
	count(&t.zeroWindows, track.ZeroWindow)
}

// row keeps the packet's row.
func (c *chunk) row(p *packet.Packet, ev *track.Event, pages *Pages) {
	if c.tail == nil || c.tail.n == rowsPerPage {
		next := pages.get()
		if next == nil {
			c.missing++
			return
		}
		if c.tail == nil {
			c.rows = next
		} else {
			c.tail.next = next
		}
		c.tail = next
	}
	r := &c.tail.rows[c.tail.n]
	c.tail.n++
	*r = row{time: p.Time, size: uint32(p.PayloadLen), local: ev.Local, src: c.mac(p.SrcMAC), dst: c.mac(p.DstMAC)}
	switch p.Proto {
	case packet.ProtoTCP:
		r.seq, r.ack, r.flags, r.window = p.TCP.Seq, p.TCP.Ack, p.TCP.Flags, ev.Window(p)
	case packet.ProtoICMP, packet.ProtoICMPv6:
		r.seq, r.ack = uint32(p.ICMP.Type)<<8|uint32(p.ICMP.Code), uint32(p.ICMP.Seq)
	}
}

// mac returns the number of an address in this chunk; 0 when there are too
// many.
func (c *chunk) mac(a [6]byte) uint8 {
	for i := range c.macs {
		if c.macs[i] == a {
			return uint8(i + 1)
		}
		if c.macs[i] == ([6]byte{}) {
			c.macs[i] = a
			return uint8(i + 1)
		}
	}
	return 0
}
