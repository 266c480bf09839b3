package http

// Finished tells that a side sends no more: its stream ends at position pos.
// It returns whether the connection is over for HTTP, so that the caller may
// close it without waiting for the other side's end, which may never be seen:
// the server will answer nothing more, or nothing is left to be answered. Not
// so while bytes before pos are missing, or a request is still on its way.
func (c *Conn) Finished(from Side, pos uint64) (over bool) {
	s := &c.sides[from]
	switch {
	case c.verdict == NotHTTP || c.tunnel:
		return true
	case c.verdict == Undecided || s.known && s.next != pos || len(c.sides[Local].held)+len(c.sides[Remote].held) > 0:
		return false
	case c.h2 != nil:
		return from != c.client || len(c.h2.streams) == 0
	}
	for i := range c.open {
		o := &c.open[i]
		if from == c.client && !o.answered || from != c.client && !o.asked && c.sides[c.client].next < o.least {
			return false
		}
	}
	return true
}
