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

// Finished tells that one end of a connection sends no more, and at which
// sequence number its stream ends. The connection is closed when nothing else
// can come of it; else it has less time to be silent.
func (t *Tracker) Finished(id uint64, from http.Side, seq uint32, time int64) {
	c := t.conns[id]
	switch {
	case c == nil:
	case c.http == nil || c.http.Finished(from, c.streams[from].At(seq)):
		t.Closed(id, time)
	default:
		c.ending = true
	}
}

// Known reports whether a connection is followed.
func (t *Tracker) Known(id uint64) bool { return t.conns[id] != nil }
