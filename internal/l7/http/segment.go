package http

// Side is the end of the connection that sent something.
type Side uint8

// The sides.
const (
	Local Side = iota
	Remote
)

// Segment is a run of payload bytes of one direction.
//
// A segment of Len 0 tells where the stream of its side begins: feed one when
// the handshake was seen, so that data which overtakes the first segment is
// put behind it.
type Segment struct {
	Time int64  // ns, of one clock for the whole connection
	From Side   // who sent it
	Pos  uint64 // of its first byte in the stream of its side; any base, 32-bit sequence numbers unwrapped by the caller
	Len  int    // bytes on the wire
	Data []byte // the first of them, as far as captured; valid during the call only
}

// view is what is left of a segment while it is worked on.
type view struct {
	time  int64
	pos   uint64
	n     int    // bytes on the wire
	data  []byte // the captured ones at their beginning
	fresh bool   // pos is where the segment began
}

func (v *view) end() uint64 { return v.pos + uint64(v.n) }

// whole reports that all bytes were captured.
func (v *view) whole() bool { return len(v.data) >= v.n }

// skip takes the first k bytes away; k <= n.
func (v *view) skip(k int) {
	if k == 0 {
		return
	}
	v.pos += uint64(k)
	v.n -= k
	v.data = v.data[min(k, len(v.data)):]
	v.fresh = false
}
