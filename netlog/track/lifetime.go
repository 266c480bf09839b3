package track

import "datakit.dev/agent/netlog/packet"

// begin makes a connection of its first packet.
func (t *Table) begin(k *key, hash uint32, p *packet.Packet) (c *Conn, local bool) {
	if t.index.used >= t.cfg.Max {
		t.evict()
	}
	c = t.take()
	local = sentByLocal(p)
	*c = Conn{Slot: c.Slot, network: k.network, hash: hash, First: p.Time, Latest: p.Time, local: k.src, remote: k.dst}
	if !local {
		c.local, c.remote = k.dst, k.src
	}
	if p.Proto == packet.ProtoTCP {
		c.open(p, local)
	} else {
		c.openedBy(local)
	}
	t.index.insert(hash, c.Slot+1)
	t.link(c)
	t.stats.Opened++
	return c, local
}

// open sets what the first segment of a TCP connection tells.
func (c *Conn) open(p *packet.Packet, local bool) {
	c.State = Established
	if p.TCP.Flags&packet.SYN == 0 {
		return
	}
	bySender := p.TCP.Flags&packet.ACK == 0
	c.State = SynSent
	if !bySender {
		c.State = SynReceived
	}
	c.openedBy(bySender == local)
}

func (c *Conn) openedBy(local bool) {
	c.Opened = OpenedByRemote
	if local {
		c.Opened = OpenedByLocal
	}
}

// sentByLocal decides which end of a new connection is the local one: the
// interface's side. Where the capture does not tell the direction, it is the
// client: the end that sends the SYN, or has the higher port.
func sentByLocal(p *packet.Packet) bool {
	switch {
	case p.Dir == packet.Tx:
		return true
	case p.Dir == packet.Rx:
		return false
	case p.Proto == packet.ProtoTCP && p.TCP.Flags&packet.SYN != 0:
		return p.TCP.Flags&packet.ACK == 0
	default:
		return p.SrcPort >= p.DstPort
	}
}

// take returns an unused connection, whose Slot is set.
func (t *Table) take() *Conn {
	if t.free.oldest == 0 {
		slab := make([]Conn, slabSize)
		first := uint32(len(t.slabs) * slabSize)
		for i := range slab {
			slab[i].Slot = first + uint32(i)
			slab[i].newer = first + uint32(i) + 2
		}
		slab[slabSize-1].newer = 0
		t.slabs = append(t.slabs, slab)
		t.free.oldest = first + 1
	}
	c := t.at(t.free.oldest)
	t.free.oldest = c.newer
	return c
}

// classify says which list a connection belongs to.
func (c *Conn) classify() class {
	switch {
	case c.State.over():
		return over
	case c.Local.Packets == 0 || c.Remote.Packets == 0, c.State == SynSent:
		return unanswered
	default:
		return open
	}
}

// replaced reports whether a packet is the SYN of a new connection between
// the ends of an old one.
func (t *Table) replaced(c *Conn, p *packet.Packet, local bool) bool {
	if p.Proto != packet.ProtoTCP || p.TCP.Flags&(packet.SYN|packet.ACK) != packet.SYN {
		return false
	}
	fwd, rev := &c.Remote, &c.Local
	if local {
		fwd, rev = rev, fwd
	}
	switch {
	case fwd.flags&sawSYN != 0:
		return c.State.over() || fwd.flags&sawFIN != 0 || uint32(fwd.First) != p.TCP.Seq
	case fwd.Packets == 0: // overtaken by its answer
		return c.State.over() && rev.lastAck != p.TCP.Seq+1
	default: // overtaken by what the same end sent
		return uint32(fwd.First)-p.TCP.Seq > maxOvertaken
	}
}

// maxOvertaken is how many bytes may come before the SYN they belong to.
const maxOvertaken = 1 << 16

// stale reports whether a connection had ended before a packet of this time
// came.
func (t *Table) stale(c *Conn, at int64) bool { return at-c.Latest >= t.timeout(c.class) }

func (t *Table) timeout(k class) int64 {
	if k == over {
		return int64(t.cfg.OverTimeout)
	}
	return int64(t.cfg.IdleTimeout)
}

func (t *Table) silent(c *Conn) Reason {
	if c.class == over {
		return Over
	}
	return Idle
}

// Expire ends the connections that have been silent for too long at a time,
// in Unix ns. It is due about once a second.
func (t *Table) Expire(now int64) {
	for k := range t.lists {
		for at := t.lists[k].oldest; at != 0; at = t.lists[k].oldest {
			c := t.at(at)
			if !t.stale(c, now) {
				break
			}
			t.end(c, t.silent(c))
		}
	}
}

// Close ends all connections.
func (t *Table) Close() {
	for k := range t.lists {
		for at := t.lists[k].oldest; at != 0; at = t.lists[k].oldest {
			t.end(t.at(at), Stopped)
		}
	}
}

// evict makes room: one that is over goes first, then one that was never
// answered, then the one that has been silent longest.
func (t *Table) evict() {
	for _, k := range [...]class{over, unanswered, open} {
		if at := t.lists[k].oldest; at != 0 {
			t.stats.Evicted[k]++
			t.end(t.at(at), Evicted)
			return
		}
	}
}

// end takes a connection out of the table.
func (t *Table) end(c *Conn, why Reason) {
	if t.cfg.Ended != nil {
		t.cfg.Ended(c, why)
	}
	t.stats.Ended[why]++
	t.unlink(c)
	t.index.remove(c.hash, c.Slot+1)
	t.gaps.release(&c.Local)
	t.gaps.release(&c.Remote)
	c.newer = t.free.oldest
	t.free.oldest = c.Slot + 1
}
