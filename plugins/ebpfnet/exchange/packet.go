package exchange

import "datakit.dev/agent/internal/l7/http"

// Packet is like [Tracker.Segment] for the payload of a TCP packet: its
// position is a sequence number, which Packet turns into s.Pos. changed says
// that wanted is not what it was after the packet before.
func (t *Tracker) Packet(id uint64, e *Endpoint, s *http.Segment, seq uint32) (wanted http.Capture, changed bool) {
	c := t.conn(id, e, s.Time)
	if c == nil {
		return http.None, true
	}
	s.Pos = c.streams[s.From].At(seq)
	_, wanted = t.feed(c, s)
	changed = wanted != c.told
	c.told = wanted
	return wanted, changed
}

// Known reports whether a connection is followed.
func (t *Tracker) Known(id uint64) bool { return t.conns[id] != nil }
