package exchange

import "datakit.dev/agent/internal/l7/http"

// conn is one connection.
type conn struct {
	end  Endpoint
	http *http.Conn // nil since it is known to be something else
	last int64      // time of the last segment

	streams [2]stream // for packets
	told    http.Capture

	container string
	searched  bool // for the container, as of the owner
}

// owned takes a better knowledge of the owner over: it may come late.
func (c *conn) owned(e *Endpoint) {
	if e.PID != 0 && e.PID != c.end.PID {
		c.end.PID, c.end.Process, c.searched = e.PID, e.Process, false
	}
	if e.CgroupID != 0 {
		c.end.CgroupID = e.CgroupID
	}
}

// stream unwraps the sequence numbers of one direction.
type stream struct {
	pos   uint64
	known bool
}

// start is where streams begin, far enough from 0 that what precedes the
// first packet seen has a position, too.
const start = 1 << 32

// at returns the position of a sequence number: the one nearest to the last.
func (s *stream) at(seq uint32) uint64 {
	if !s.known {
		s.pos, s.known = start|uint64(seq), true
		return s.pos
	}
	s.pos += uint64(int64(int32(seq - uint32(s.pos))))
	return s.pos
}
