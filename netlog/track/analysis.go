package track

import "strings"

// Analysis is what one TCP segment shows about its connection. The names and
// the meaning are those of Wireshark's tcp.analysis.
type Analysis uint16

// Findings. FastRetransmission and SpuriousRetransmission come with
// Retransmission.
const (
	Retransmission         Analysis = 1 << iota // repeats sequence numbers seen before
	FastRetransmission                          // … after two and more duplicate ACKs that ask for it
	SpuriousRetransmission                      // … which were acknowledged already
	OutOfOrder                                  // fills a gap, too soon for a retransmission
	LostSegment                                 // begins beyond what was expected: a gap
	DuplicateAck
	KeepAlive
	KeepAliveAck
	ZeroWindow
	ZeroWindowProbe
	ZeroWindowProbeAck
	WindowUpdate
	SYNRetransmission // a Retransmission that has SYN
	PortsReused       // a SYN that replaced an earlier connection
)

// Has reports whether any of b is set.
func (a Analysis) Has(b Analysis) bool { return a&b != 0 }

// String lists the findings, joined by "|".
func (a Analysis) String() string {
	names := [...]string{"retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order", "lost_segment",
		"duplicate_ack", "keep_alive", "keep_alive_ack", "zero_window", "zero_window_probe", "zero_window_probe_ack",
		"window_update", "syn_retransmission", "reused_ports"}
	var set []string
	for i, name := range names {
		if a&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, "|")
}
