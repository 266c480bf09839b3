package dns

import "encoding/binary"

const (
	prefixSize = 2        // the length before each message: RFC 1035 section 4.2.2
	maxHeld    = 8        // segments that came too early, and
	maxBytes   = 64 << 10 // their bytes
	keptBuffer = 4 << 10
)

// Stream finds the messages in one direction of a TCP connection, be they
// split over segments or many in one, from the first byte on or from the
// middle. The zero Stream is ready; it belongs to one goroutine and holds at
// most one message (64 KiB) and 128 KiB of segments that came too early.
type Stream struct {
	started bool
	synced  bool   // next is within, or at the begin of, a message
	checked bool   // the header of the message was looked at
	holed   bool   // bytes of the message are missing: no more are gathered
	next    uint64 // position of the next byte
	begin   uint64 // position of the message's length
	msg     []byte // the length and what is there of the message
	held    []segment
	bytes   int // of held
	stats   StreamStats
}

type segment struct {
	pos    uint64
	length int
	data   []byte
}

// StreamStats counts what a Stream saw.
type StreamStats struct {
	Messages int64 // handed out
	Cut      int64 // of these, with bytes missing at their end
	Gaps     int64 // times that segments were missing for good
	Skipped  int64 // bytes without a known place in a message
	Repeated int64 // bytes that were seen before
}

// Stats returns the counts so far.
func (s *Stream) Stats() StreamStats { return s.stats }

// Feed takes a segment: length bytes on the wire from position pos of the
// stream on, of which data are the first, as captured. out gets each message
// without its length, valid during the call; the end of one of which bytes
// were not captured is missing.
//
// A segment that comes too early waits for those before it; when eight wait,
// or 64 KiB, these are taken for lost.
func (s *Stream) Feed(pos uint64, length int, data []byte, out func(msg []byte)) {
	if length <= 0 {
		return
	}
	data = data[:min(len(data), length)]
	if !s.started {
		s.started, s.next = true, pos
	}
	if int64(pos-s.next) > 0 {
		s.hold(pos, length, data)
		if len(s.held) < maxHeld && s.bytes < maxBytes {
			return
		}
		s.skipTo(s.held[0].pos, out)
	} else {
		s.take(pos, length, data, out)
	}
	for len(s.held) > 0 && int64(s.held[0].pos-s.next) <= 0 {
		first := s.held[0]
		s.held = append(s.held[:0], s.held[1:]...)
		s.bytes -= len(first.data)
		s.take(first.pos, first.length, first.data, out)
	}
}

// hold keeps a copy of a segment, ordered by position.
func (s *Stream) hold(pos uint64, length int, data []byte) {
	at := len(s.held)
	for at > 0 && int64(pos-s.held[at-1].pos) < 0 {
		at--
	}
	s.held = append(s.held, segment{})
	copy(s.held[at+1:], s.held[at:])
	data = data[:min(len(data), maxBytes)]
	s.held[at] = segment{pos: pos, length: length, data: append([]byte(nil), data...)}
	s.bytes += len(data)
}

// skipTo gives up on the bytes before pos.
func (s *Stream) skipTo(pos uint64, out func(msg []byte)) {
	s.stats.Gaps++
	missing := pos - s.next
	s.next = pos
	if !s.synced {
		s.stats.Skipped += int64(missing)
		return
	}
	s.holed = true
	end, known := s.end()
	switch {
	case !known: // the length is in the gap
		s.lose()
	case int64(pos-end) >= 0:
		if s.finish(out); pos != end {
			s.lose() // other messages are in the gap
		}
	}
}

// take takes a segment that begins at next or before.
func (s *Stream) take(pos uint64, length int, data []byte, out func(msg []byte)) {
	if old := s.next - pos; old > 0 {
		if old >= uint64(length) {
			s.stats.Repeated += int64(length)
			return
		}
		s.stats.Repeated += int64(old)
		length -= int(old)
		data = data[min(int(old), len(data)):]
	}
	if !s.synced && !s.sync(data) {
		s.pass(length)
		return
	}
	for length > 0 && s.synced {
		n := s.part(length, data, out)
		length -= n
		data = data[min(n, len(data)):]
	}
	s.pass(length)
}

// pass goes over bytes of no known message.
func (s *Stream) pass(n int) {
	s.next += uint64(n)
	s.stats.Skipped += int64(n)
}

// sync takes the begin of a segment for that of a message, unless it shows
// that it is not. Some clients send the length, or each byte, in a segment of
// its own; what follows is looked at once it is there.
func (s *Stream) sync(data []byte) bool {
	switch {
	case len(data) == 0,
		len(data) >= prefixSize && binary.BigEndian.Uint16(data) < headerSize,
		len(data) >= prefixSize+headerSize && !plausible(data):
		return false
	}
	s.synced, s.begin = true, s.next
	return true
}

// part takes the bytes of a segment that belong to the message at hand, at
// most length, and returns how many these are.
func (s *Stream) part(length int, data []byte, out func(msg []byte)) (n int) {
	if whole, ok := s.whole(data); ok {
		s.next += uint64(len(whole))
		s.begin = s.next
		s.stats.Messages++
		out(whole[prefixSize:])
		return len(whole)
	}
	n = length
	if end, known := s.end(); known {
		n = min(n, int(end-s.next))
	} else {
		n = min(n, prefixSize-len(s.msg))
	}
	if !s.holed {
		got := min(n, len(data))
		s.msg = append(s.msg, data[:got]...)
		s.holed = got < n
	}
	s.next += uint64(n)
	end, known := s.end()
	switch {
	case !known && s.holed, known && end-s.begin < prefixSize+headerSize:
		s.lose()
	case !s.checked && len(s.msg) >= prefixSize+headerSize:
		if s.checked = plausible(s.msg); !s.checked {
			s.lose()
			return n
		}
	}
	if s.synced && known && s.next == end {
		s.finish(out)
	}
	return n
}

// whole returns the message that data begins with, when all of it is there
// and nothing was gathered: it needs no copy.
func (s *Stream) whole(data []byte) ([]byte, bool) {
	if len(s.msg) > 0 || s.holed || len(data) < prefixSize+headerSize || !plausible(data) {
		return nil, false
	}
	n := prefixSize + int(binary.BigEndian.Uint16(data))
	if n > len(data) {
		return nil, false
	}
	return data[:n], true
}

// end returns the position behind the message at hand, once its length is
// known.
func (s *Stream) end() (uint64, bool) {
	if len(s.msg) < prefixSize {
		return 0, false
	}
	return s.begin + prefixSize + uint64(binary.BigEndian.Uint16(s.msg)), true
}

// finish hands out the message at hand and begins the next one behind it.
func (s *Stream) finish(out func(msg []byte)) {
	end, _ := s.end()
	if len(s.msg) >= prefixSize+headerSize {
		s.stats.Messages++
		if s.holed {
			s.stats.Cut++
		}
		out(s.msg[prefixSize:])
	} else {
		s.stats.Skipped += int64(end - s.begin)
	}
	s.forget()
	s.begin = end
}

// lose gives up on the message at hand, and on knowing where the next begins.
func (s *Stream) lose() {
	s.stats.Skipped += int64(s.next - s.begin)
	s.forget()
	s.synced = false
}

func (s *Stream) forget() {
	if s.msg = s.msg[:0]; cap(s.msg) > keptBuffer {
		s.msg = nil
	}
	s.checked, s.holed = false, false
}

// plausible reports whether b, a length and a header at least, may be the
// begin of a message: a known opcode, and no more entries than fit in.
func plausible(b []byte) bool {
	length := int(binary.BigEndian.Uint16(b))
	h := b[prefixSize:]
	opcode := h[2] >> 3 & 0xf
	questions := int(binary.BigEndian.Uint16(h[4:]))
	records := int(binary.BigEndian.Uint16(h[6:])) + int(binary.BigEndian.Uint16(h[8:])) + int(binary.BigEndian.Uint16(h[10:]))
	return opcode <= 6 && headerSize+questions*5+records*11 <= length
}
