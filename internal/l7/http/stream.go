package http

// stream is one direction of a connection: what its bytes are, in order.
type stream struct {
	next  uint64 // position of the first byte not taken yet
	last  int64  // time of the last byte taken
	begin uint64 // first byte of the message that is being read
	since int64  // its time
	end   uint64 // inBody: where it ends
	lost  int64  // time of the first byte behind the last gap; 0 when a response began since
	chunk chunks

	buf       []byte // a head that comes in several segments
	held      []held // what came too early, by position
	heldBytes int

	state   state
	known   bool // next is valid
	split   bool // buf holds the beginning of a head
	spare   bool // the message belongs to no exchange
	interim bool // 1xx responses came before
}

// state is what the next byte of a stream is.
type state uint8

const (
	atHead    state = iota // the beginning of a head, or within it
	inBody                 // a body that ends at end
	inChunks               // a chunked body
	untilNext              // a message whose end is not known: until a head begins at the beginning of a segment
)

// trim takes from v what was taken before; false when that is all of it.
func (s *stream) trim(v *view) bool {
	if v.pos >= s.next {
		return true
	}
	if v.end() <= s.next {
		v.n = 0
		return false
	}
	v.skip(int(s.next - v.pos))
	v.fresh = true // some segment ended here
	return true
}

// follows reports that v can be taken now: it is the next, or it belongs to a
// body, the bytes of which nobody reads.
func (s *stream) follows(v *view) bool {
	return v.pos == s.next || s.state == inBody && v.pos > s.next && v.pos < s.end
}

// pass takes k bytes of v without looking at them.
func (s *stream) pass(v *view, k int) {
	v.skip(k)
	s.next, s.last = v.pos, v.time
}
