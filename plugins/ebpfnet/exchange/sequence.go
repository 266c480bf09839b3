package exchange

// Sequence unwraps the sequence numbers of one direction of a TCP connection.
// The zero Sequence is ready.
type Sequence struct {
	pos   uint64
	known bool
}

// start is where streams begin, far enough from 0 that what precedes the
// first packet seen has a position, too.
const start = 1 << 32

// At returns the position of a sequence number: the one nearest to the last.
func (s *Sequence) At(seq uint32) uint64 {
	if !s.known {
		s.pos, s.known = start|uint64(seq), true
		return s.pos
	}
	s.pos += uint64(int64(int32(seq - uint32(s.pos))))
	return s.pos
}
