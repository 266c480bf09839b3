package http

import "encoding/binary"

// http2 is a connection that speaks HTTP/2.
type http2 struct {
	sides    [2]frames
	streams  map[uint32]*exchange2
	free     []*exchange2 // for the next ones
	highest  uint32       // stream the client opened
	roles    bool         // it is known which side is the client
	refusals uint8        // GOAWAY frames of the server
}

// frames is one direction: a walk from frame to frame.
type frames struct {
	decoder
	preface int  // bytes of the connection preface that are left
	lost    bool // it is not known where a frame begins

	header  [frameHeaderSize]byte
	have    uint8 // bytes of header, of a frame that is not known yet
	frame   frameHeader
	since   int64  // time of its first byte
	begin   uint64 // position of its first byte
	left    uint32 // bytes of its payload to come
	bytes   uint64 // those taken, header included
	reading bool   // the payload is read
	cut     bool   // a part of it was not captured
	payload []byte // if it comes in several segments

	// The header block, which may be of several frames.
	open      bool // CONTINUATION is expected
	blockOf   frameHeader
	blockTime int64
	blockPos  uint64
	blockSize uint64 // as on the wire
	blockCut  bool
	block     []byte // if it is of several frames
}

// maxBlock bounds a header block, and a payload that is read.
const maxBlock = 64 << 10

// speak2 makes the connection one of HTTP/2. read says how much of the
// client's preface is behind it, synced for each side whether its next byte
// begins a frame, with nothing missed before it.
func (c *Conn) speak2(read int, synced [2]bool) *http2 {
	h := &http2{streams: map[uint32]*exchange2{}, roles: c.verdict == HTTP}
	for i := range h.sides {
		f := &h.sides[i]
		f.lost = !synced[i]
		f.table = newTable(f.lost)
		c.sides[i].state, c.sides[i].spare = atHead, false
	}
	if h.roles {
		h.sides[c.client].preface = len(preface) - read
	}
	c.h2 = h
	return h
}

// take walks over v.
func (h *http2) take(c *Conn, from Side, v *view, out func(*Exchange)) {
	f, s := &h.sides[from], &c.sides[from]
	for v.n > 0 {
		switch {
		case f.lost:
			if !v.fresh || !plausible(v) {
				s.pass(v, v.n)
				return
			}
			f.lost = false
		case f.preface > 0:
			n := min(f.preface, v.n)
			f.preface -= n
			s.pass(v, n)
		case f.left > 0:
			h.payload(c, from, v, out)
		default:
			h.head(c, from, v, out)
		}
	}
}

// plausible reports that frames begin at v.
func plausible(v *view) bool {
	ok, _ := v.frames(func(frameHeader, []byte) {})
	return ok
}

// head reads a frame header.
func (h *http2) head(c *Conn, from Side, v *view, out func(*Exchange)) {
	f, s := &h.sides[from], &c.sides[from]
	if f.have == 0 {
		f.since, f.begin = v.time, v.pos
	}
	n := copy(f.header[f.have:], v.data)
	f.have += uint8(n)
	s.pass(v, n)
	if f.have < frameHeaderSize {
		if v.n > 0 { // beyond the capture
			f.lose(c)
			s.pass(v, v.n)
		}
		return
	}
	f.have = 0
	f.frame = parseFrameHeader(f.header[:])
	f.left, f.bytes = f.frame.length, frameHeaderSize
	if !f.frame.valid() {
		f.lose(c)
		s.pass(v, v.n)
		return
	}
	switch f.frame.kind {
	case frameHeaders, framePushPromise, frameContinuation, frameReset, frameGoAway:
		f.reading = f.left <= maxBlock
		f.cut = !f.reading
	}
	if f.left == 0 {
		h.complete(c, from, nil, s.last, out)
	}
}

// payload reads or skips a part of a payload.
func (h *http2) payload(c *Conn, from Side, v *view, out func(*Exchange)) {
	f, s := &h.sides[from], &c.sides[from]
	n := int(min(uint32(min(v.n, maxFrame)), f.left))
	got := v.data[:min(n, len(v.data))]
	f.left -= uint32(n)
	s.pass(v, n)
	f.bytes += uint64(n)
	if !f.reading {
		if f.left == 0 {
			h.complete(c, from, nil, s.last, out)
		}
		return
	}
	cut := f.cut
	f.cut = cut || len(got) < n
	if cut || f.left > 0 || len(f.payload) > 0 {
		if !cut {
			f.payload = append(f.payload, got...)
		}
		got = f.payload
	}
	if f.left > 0 {
		return
	}
	h.complete(c, from, got, s.last, out)
	f.payload = f.payload[:0]
	if cap(f.payload) > maxScratch {
		f.payload = nil
	}
}

// maxFrame is the longest payload a frame can have.
const maxFrame = 1<<24 - 1

// lose gives up the walk: it goes on where frames seem to begin.
func (f *frames) lose(c *Conn) {
	c.cfg.Stats.FramesLost++
	f.table.lose()
	*f = frames{decoder: f.decoder, lost: true}
}

// gap goes on at position to. Only within a frame that nobody reads this is
// known to be right.
func (h *http2) gap(c *Conn, from Side, to uint64, out func(*Exchange)) {
	f, s := &h.sides[from], &c.sides[from]
	if f.lost {
		return
	}
	missing := to - s.next
	within := min(missing, uint64(f.left))
	if f.left > 0 && !f.reading {
		f.left -= uint32(within)
		f.bytes += within
		if f.left == 0 {
			h.complete(c, from, nil, s.last, out)
		}
	}
	if missing > within || f.reading {
		f.lose(c)
	}
}

// complete handles a frame that ended. b is its payload, when it is read.
func (h *http2) complete(c *Conn, from Side, b []byte, t int64, out func(*Exchange)) {
	f := &h.sides[from]
	frame, cut := f.frame, f.cut
	f.reading, f.cut = false, false
	if f.open && frame.kind != frameContinuation {
		f.open = false // RFC 9113 §6.10 forbids it
		h.lost(c, f)
	}
	switch frame.kind {
	case frameHeaders, framePushPromise, frameContinuation:
		h.fragment(c, from, frame, b, cut, t, out)
	case frameData:
		if x := h.streams[frame.stream]; x != nil && h.roles {
			x.add(from == c.client, f.bytes, t)
			h.ended(c, x, from, frame, out)
		}
	case frameReset:
		h.reset(c, frame.stream, out)
	case frameGoAway:
		if len(b) >= 8 && h.roles && from != c.client {
			h.refuse(c, binary.BigEndian.Uint32(b)&^(1<<31), out)
		}
	}
}

// lost notes that a header block could not be read.
func (h *http2) lost(c *Conn, f *frames) {
	c.cfg.Stats.BlocksLost++
	f.table.lose()
}

// fragment takes a part of a header block, and decodes it when complete.
func (h *http2) fragment(c *Conn, from Side, frame frameHeader, b []byte, cut bool, t int64, out func(*Exchange)) {
	f := &h.sides[from]
	if frame.kind != frameContinuation {
		f.blockOf, f.blockTime, f.blockPos = frame, f.since, f.begin
		f.blockSize, f.blockCut, f.block = 0, false, nil
	} else if !f.open || frame.stream != f.blockOf.stream {
		h.lost(c, f)
		return
	}
	f.blockSize += f.bytes
	b, ok := frame.fragment(b)
	done := frame.flags&flagEndHeaders != 0
	wasCut := f.blockCut
	f.blockCut = wasCut || cut || !ok
	if frame.kind == frameContinuation || !done {
		if !wasCut {
			if len(f.block)+len(b) > maxBlock {
				b, f.blockCut = nil, true
			}
			f.block = append(f.block, b...)
		}
		b = f.block
	}
	f.open = !done
	if !done {
		return
	}
	h.decode(c, from, b, t, out)
	f.block = nil
}

// decode decodes the block of frame f.blockOf.
func (h *http2) decode(c *Conn, from Side, b []byte, t int64, out func(*Exchange)) {
	f := &h.sides[from]
	got := fields{grpcStatus: -1, headers: c.cfg.Headers}
	err := f.decoder.decode(b, got.add)
	c.cfg.Stats.FieldsUnknown += got.unknown
	if err != nil || f.blockCut {
		h.lost(c, f)
	}
	if f.blockOf.kind == framePushPromise || f.blockOf.stream&1 == 0 {
		return // pushed; nobody asked
	}
	if !h.roles {
		switch {
		case got.method != nil:
			c.decide(from)
		case got.status != 0:
			c.decide(from ^ 1)
		default:
			return
		}
		h.roles = true
	}
	var x *exchange2
	if from == c.client {
		x = h.request(c, f, &got, out)
	} else {
		x = h.reply(c, f, &got, out)
	}
	if x != nil {
		x.add(from == c.client, f.blockSize, t)
		h.ended(c, x, from, f.blockOf, out)
	}
}
