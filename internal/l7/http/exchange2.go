package http

import (
	"maps"
	"slices"
)

// exchange2 is an open stream.
type exchange2 struct {
	Exchange
	id       uint32
	known    bool     // the request began
	began    bool     // the final response began
	asked    bool     // the client's side ended
	answered bool     // the server's side ended
	last     [2]int64 // times of the last bytes of request and response
}

// maxStreams bounds the open streams of a connection.
const maxStreams = 1024

// add counts bytes of the request or the response.
func (x *exchange2) add(request bool, n uint64, t int64) {
	if request {
		x.RequestBytes += n
		x.last[0] = t
	} else {
		x.ResponseBytes += n
		x.last[1] = t
	}
}

// stream returns the stream of a header block, a new one if the block opens
// it, nil when it is over or was opened before anybody looked. The response
// may be seen before the request.
func (h *http2) stream(c *Conn, id uint32, out func(*Exchange)) *exchange2 {
	if x := h.streams[id]; x != nil {
		return x
	}
	if id <= h.highest {
		return nil
	}
	if len(h.streams) >= maxStreams {
		c.cfg.Stats.Overflowed++
		oldest := id
		for other := range h.streams {
			oldest = min(oldest, other)
		}
		h.abandon(c, h.streams[oldest], out)
	}
	var x *exchange2
	if n := len(h.free); n > 0 {
		x, h.free = h.free[n-1], h.free[:n-1]
		*x = exchange2{}
	} else {
		x = new(exchange2)
	}
	x.id, x.Client, x.Version, x.GRPCStatus = id, c.client, "2", -1
	h.streams[id] = x
	return x
}

// request takes a header block of the client: a request, or its trailers.
func (h *http2) request(c *Conn, f *frames, got *fields, out func(*Exchange)) *exchange2 {
	id := f.blockOf.stream
	x := h.stream(c, id, out)
	h.highest = max(h.highest, id)
	if x == nil || x.known {
		return x
	}
	x.known = true
	c.cfg.Stats.Open++
	x.RequestStart, x.RequestPos = f.blockTime, f.blockPos
	x.GRPC = x.GRPC || got.grpc
	if got.method != nil {
		x.Method = method(got.method)
	}
	var path, host []byte
	if len(got.path) > 0 {
		path, host, x.Truncated = splitTarget(got.path, false, false)
		if len(path) > c.cfg.MaxPath {
			path, x.Truncated = path[:c.cfg.MaxPath], true
		}
	} else if x.Method != "CONNECT" {
		c.cfg.Stats.PathsUnknown++
	}
	if got.authority != nil {
		host = got.authority
	}
	x.Path, x.Host = c.cfg.Names.of(path), c.cfg.Names.of(host)
	if c.cfg.Headers {
		trace, parent := got.trace.ids()
		x.TraceID, x.ParentID = string(trace), string(parent)
	}
	return x
}

// reply takes a header block of the server: 1xx, the response, its trailers.
func (h *http2) reply(c *Conn, f *frames, got *fields, out func(*Exchange)) *exchange2 {
	x := h.stream(c, f.blockOf.stream, out)
	if x == nil {
		if got.status >= 200 {
			c.cfg.Stats.Orphans++
		}
		return nil
	}
	x.GRPC = x.GRPC || got.grpc
	if got.grpcStatus >= 0 {
		x.GRPC, x.GRPCStatus = true, got.grpcStatus
	}
	if x.began || got.status >= 100 && got.status < 200 {
		return x
	}
	x.began, x.Status = true, got.status
	x.ResponseStart, x.ResponsePos = f.blockTime, f.blockPos
	x.Upgraded = x.Upgraded || x.Method == "CONNECT" && got.status < 300
	return x
}

// ended notes that a side of the stream ended with a frame, if it did.
func (h *http2) ended(c *Conn, x *exchange2, from Side, f frameHeader, out func(*Exchange)) {
	if !f.end() {
		return
	}
	if from == c.client {
		x.asked, x.RequestEnd = true, x.last[0]
	} else {
		x.answered, x.ResponseEnd = true, x.last[1]
	}
	switch {
	case x.known && x.asked && x.answered:
		h.emit(c, x, out)
	case !x.known && x.answered && x.id < h.highest:
		h.abandon(c, x, out) // the request was missed
	}
}

// abandon ends a stream as it is.
func (h *http2) abandon(c *Conn, x *exchange2, out func(*Exchange)) {
	if !x.known {
		c.cfg.Stats.Orphans++
		h.drop(x)
		return
	}
	if !x.asked {
		x.RequestEnd = x.last[0]
	}
	if !x.answered {
		x.ResponseEnd = x.last[1]
	}
	if !x.began {
		c.cfg.Stats.Unanswered++
	}
	h.emit(c, x, out)
}

// reset ends a stream that a side gave up.
func (h *http2) reset(c *Conn, id uint32, out func(*Exchange)) {
	if x := h.streams[id]; x != nil {
		h.abandon(c, x, out)
	}
}

// refuse ends the streams the server says it will not serve. An orderly
// shutdown says so twice (RFC 9113 §6.8); to listen for ever would be costly.
func (h *http2) refuse(c *Conn, last uint32, out func(*Exchange)) {
	if h.refusals++; h.refusals > 4 {
		h.refusals = 4
		return
	}
	for _, id := range slices.Sorted(maps.Keys(h.streams)) {
		if x := h.streams[id]; id > last && x.known && !x.began {
			h.abandon(c, x, out)
		}
	}
}

func (h *http2) emit(c *Conn, x *exchange2, out func(*Exchange)) {
	c.emit(&x.Exchange, out)
	h.drop(x)
}

func (h *http2) drop(x *exchange2) {
	delete(h.streams, x.id)
	if len(h.free) < maxFree {
		h.free = append(h.free, x)
	}
}

// maxFree is how many streams are kept for the next ones.
const maxFree = 4

// close ends all streams, in their order.
func (h *http2) close(c *Conn, out func(*Exchange)) {
	for from := range h.sides {
		f := &h.sides[from]
		if x := h.streams[f.frame.stream]; x != nil && f.left > 0 && f.frame.kind == frameData {
			x.add(Side(from) == c.client, f.bytes, c.sides[from].last)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(h.streams)) {
		h.abandon(c, h.streams[id], out)
	}
}
