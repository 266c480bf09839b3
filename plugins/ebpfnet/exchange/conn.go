package exchange

import "datakit.dev/agent/internal/l7/http"

// conn is one connection.
type conn struct {
	end  Endpoint
	http *http.Conn // nil since it is known to be something else
	last int64      // time of the last segment

	streams [2]Sequence // for packets
	ending  bool        // one end sends no more
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
