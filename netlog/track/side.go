package track

// Side is what one end of a connection sent. For UDP and ICMP only Packets,
// Bytes and Stream are counted.
type Side struct {
	Packets uint64
	Bytes   uint64 // payload on the wire, whatever it repeats
	Stream  uint64 // payload seen for the first time, without keep-alives

	Retransmits    uint32
	OutOfOrder     uint32
	DuplicateAcks  uint32
	KeepAlives     uint32
	ZeroWindows    uint32
	Probes         uint32 // zero window probes
	Resets         uint32
	SYNRetransmits uint32 // of Retransmits

	First, Last uint64 // stream positions: of the first packet, and after the last byte; 0: none yet

	nextTime int64 // when Last was last moved
	ackTime  int64
	lastAck  uint32
	finEnd   uint32 // acknowledgement number that covers the FIN
	window   uint16 // as on the wire
	scale    uint8  // shift count of the SYN
	dupacks  uint8  // consecutive
	last     Analysis
	flags    sideFlags
	gapCount uint8
	gaps     uint32 // list of gaps, 0: none
}

type sideFlags uint8

const (
	sawSYN sideFlags = 1 << iota
	sawFIN
	finAcked
	sawAck // lastAck is known
	offeredScale
)

// wrapBase is added to the first sequence number of a side to get stream
// positions that can go back and are never 0.
const wrapBase = 1 << 32

// position returns the stream position of a sequence number: the one nearest
// to the end of what was seen (serial number arithmetic, RFC 1982).
func (s *Side) position(seq uint32) uint64 {
	if s.Last == 0 {
		return wrapBase + uint64(seq)
	}
	return s.Last + uint64(int64(int32(seq-uint32(s.Last))))
}

// expected is the next sequence number; known is false before the first
// packet.
func (s *Side) expected() (seq uint32, known bool) { return uint32(s.Last), s.Last != 0 }

// before and after compare sequence numbers (RFC 1982).
func before(a, b uint32) bool { return int32(a-b) < 0 }
func after(a, b uint32) bool  { return int32(a-b) > 0 }

// SawSYN reports whether the side's SYN was seen; it is then at First.
func (s *Side) SawSYN() bool { return s.flags&sawSYN != 0 }
