package capture

import "datakit.dev/agent/netlog/packet"

// Source is a ring or a file. Next belongs to one goroutine; Stats and Close
// may be called from any.
type Source interface {
	// Next waits for a batch of packets and hands each to do. It returns how
	// many there were: 0 when none came for a while, so that the caller can
	// do what is due. The packet and what it refers to are valid during the
	// call only; do must not close the source.
	//
	// The error is io.EOF at the end of a file, os.ErrClosed after Close, and
	// ErrDown while the interface of a ring is down, after which Next may be
	// called again. Packets may have been handed on before it.
	Next(do func(*packet.Packet)) (n int, err error)

	// Stats tells what became of every frame so far.
	Stats() Stats

	// Close ends a waiting Next and frees the source. It is idempotent.
	Close() error
}

// Stats are the counters of a source since it was opened.
type Stats struct {
	Received  int64                 // passed the kernel's filter, or are in the file
	Dropped   int64                 // of those: found the ring full, or the file says so
	Delivered int64                 // handed on as packets
	Refused   [packet.Reasons]int64 // not decoded, by packet.Error
	Freezes   int64                 // how often the ring became full
	Filtered  int64                 // beside all these: by a classic filter with a counter
}

// Undecoded is the sum of Refused.
func (s *Stats) Undecoded() (n int64) {
	for _, v := range s.Refused {
		n += v
	}
	return n
}

// Waiting is how many frames lie in the ring.
func (s *Stats) Waiting() int64 { return s.Received - s.Dropped - s.Delivered - s.Undecoded() }
