package track

import "datakit.dev/agent/netlog/packet"

const (
	// noReorder bounds how late a segment may fill a gap and still be out
	// of order, while the round trip time is not known.
	noReorder = 3_000_000
	// fastRepair bounds how late after the last duplicate ACK a
	// retransmission may come and still be a fast one.
	fastRepair = 20_000_000
)

const control = packet.SYN | packet.FIN | packet.RST

// segment analyses one TCP segment of fwd, following what Wireshark does in
// tcp_analyze_sequence_number, and counts it. It returns the stream position
// of the segment's first sequence number.
func (t *Table) segment(c *Conn, p *packet.Packet, fwd, rev *Side) (a Analysis, pos uint64) {
	h, n := &p.TCP, uint32(p.PayloadLen)
	plain := h.Flags&control == 0
	next, known := fwd.expected()
	pos = fwd.position(h.Seq)

	switch {
	case known && n == 1 && h.Seq == next && rev.Packets > 0 && rev.window == 0 && rev.flags&sawAck != 0:
		a |= ZeroWindowProbe
		fwd.Probes++
	default:
		a |= fwd.window0(h, plain)
		if known && after(h.Seq, next) && h.Flags&packet.RST == 0 {
			a |= LostSegment
		}
		if known && plain {
			a |= fwd.probing(h, n, next, rev.last)
		}
	}
	if h.Ack != fwd.lastAck {
		fwd.dupacks = 0
	}
	if (n > 0 || h.Flags&(packet.SYN|packet.FIN) != 0) && a&KeepAlive == 0 {
		a |= t.repetition(c, p, fwd, rev, pos)
	}
	t.store(c, p, fwd, rev, a, pos)
	return a, pos
}

// window0 looks for a closed window.
func (s *Side) window0(h *packet.TCP, plain bool) Analysis {
	if h.Window == 0 && plain {
		s.ZeroWindows++
		return ZeroWindow
	}
	return 0
}

// probing tells keep-alives, window updates and duplicate ACKs from plain
// segments. last is what the last segment of the other side was.
func (s *Side) probing(h *packet.TCP, n, next uint32, last Analysis) (a Analysis) {
	if n <= 1 && h.Seq == next-1 {
		s.KeepAlives++
		return KeepAlive
	}
	if n != 0 || h.Seq != next || h.Ack != s.lastAck || s.flags&sawAck == 0 {
		return 0
	}
	switch {
	case h.Window != s.window && h.Window != 0:
		return WindowUpdate
	case h.Window != s.window:
		return 0
	case h.Window == 0:
		if last.Has(ZeroWindowProbe) {
			return ZeroWindowProbeAck
		}
		return 0
	case last.Has(KeepAlive):
		return KeepAliveAck
	}
	s.DuplicateAcks++
	if s.dupacks < 255 {
		s.dupacks++
	}
	return DuplicateAck
}

// repetition tells a segment with data, SYN or FIN that does not continue the
// stream: repeated, or late.
func (t *Table) repetition(c *Conn, p *packet.Packet, fwd, rev *Side, pos uint64) Analysis {
	h, n := &p.TCP, uint32(p.PayloadLen)
	next, known := fwd.expected()
	behind := known && before(h.Seq, next)
	if n > 1 && next-1 == h.Seq {
		behind = false // continues after a probe of one byte
	}
	if n > 0 && rev.flags&sawAck != 0 && !after(h.Seq+n, rev.lastAck) {
		return Retransmission | SpuriousRetransmission
	}
	if !behind {
		return 0
	}
	if rev.dupacks >= 2 && rev.lastAck == h.Seq && p.Time-rev.ackTime < fastRepair {
		return Retransmission | FastRetransmission
	}
	end := pos + uint64(n)
	if h.Flags&(packet.SYN|packet.FIN) != 0 {
		end++
	}
	reorder := int64(noReorder)
	if c.InitialRTT > 0 {
		reorder = c.InitialRTT
	}
	if p.Time-fwd.nextTime < reorder && end != fwd.Last && (pos < fwd.First || t.gaps.overlap(fwd, pos, end) > 0) {
		return OutOfOrder
	}
	if h.Flags&packet.SYN != 0 {
		return Retransmission | SYNRetransmission
	}
	return Retransmission
}

// late takes data from behind the end of the stream, and returns how much of
// it had not been seen.
func (t *Table) late(fwd *Side, pos, n uint64) (unseen uint64) {
	if pos < fwd.First {
		unseen = min(n, fwd.First-pos)
		fwd.First = pos
	}
	if n > 0 && fwd.gaps != 0 {
		unseen += t.gaps.fill(fwd, pos, pos+n)
	}
	return unseen
}

// store brings both sides up to date.
func (t *Table) store(c *Conn, p *packet.Packet, fwd, rev *Side, a Analysis, pos uint64) {
	h, n := &p.TCP, uint64(p.PayloadLen)
	end := pos + n
	if h.Flags&(packet.SYN|packet.FIN) != 0 {
		end++
	}
	switch {
	case fwd.Last == 0:
		fwd.First, fwd.Last, fwd.nextTime = pos, end, p.Time
		fwd.Stream += n
	case a.Has(ZeroWindowProbe):
		// The byte counts when it is acknowledged, or sent again.
	case end > fwd.Last:
		if pos > fwd.Last {
			if a.Has(LostSegment) {
				t.gaps.add(fwd, fwd.Last, pos)
			}
			fwd.Stream += n
		} else {
			fwd.Stream += min(n, end-fwd.Last)
		}
		fwd.Last, fwd.nextTime = end, p.Time
	case !a.Has(KeepAlive) && (n > 0 || h.Flags&packet.SYN != 0):
		fwd.Stream += t.late(fwd, pos, n)
	}
	if a.Has(Retransmission) {
		fwd.Retransmits++
		if a.Has(SYNRetransmission) {
			fwd.SYNRetransmits++
		}
	} else if a.Has(OutOfOrder) {
		fwd.OutOfOrder++
	}
	fwd.window, fwd.last = h.Window, a
	if h.Flags&packet.ACK != 0 {
		fwd.lastAck, fwd.ackTime = h.Ack, p.Time
		fwd.flags |= sawAck
		if rev.gaps != 0 {
			t.gaps.acknowledged(rev, rev.position(h.Ack))
		}
	}
}
