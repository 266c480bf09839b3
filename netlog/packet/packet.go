package packet

import "net/netip"

// Packet is one decoded frame. [Decoder.Decode] sets every field except Time
// and Interface, which belong to the source of the frame.
type Packet struct {
	Time      int64     // Unix time in nanoseconds
	Interface int       // of the source: the interface of a capture file, or what a ring was opened with
	Dir       Direction // from the source, or from a cooked link header

	Link     LinkType
	Frame    []byte // what was captured of it
	Wire     int    // length on the wire
	Captured int    // length of Frame

	SrcMAC, DstMAC [6]byte   // of the innermost Ethernet header; zero when there is none
	VLAN           [2]uint16 // ids of the tags of the outer frame, outermost first; 0: none
	Tunnel         Tunnel
	VNI            uint32 // network identifier of VXLAN and Geneve

	Src, Dst         netip.Addr // innermost, as on the wire: both IPv4 or both IPv6
	SrcPort, DstPort uint16     // TCP and UDP; 0 in later fragments
	Proto            uint8      // IP protocol number of the innermost packet, extension headers skipped

	Fragment       bool // one of several fragments
	FragmentOffset int  // bytes before this one; 0 for the first, which alone has a transport header

	TCP  TCP  // valid when Proto is ProtoTCP and this is no later fragment
	ICMP ICMP // valid when Proto is ProtoICMP or ProtoICMPv6 and this is no later fragment

	PayloadLen int    // transport payload on the wire, without Ethernet padding
	Payload    []byte // the captured part of it; aliases the frame
}

// Direction is which way a packet passed the interface it was captured on.
type Direction uint8

// Directions of a packet.
const (
	Unknown Direction = iota
	Rx
	Tx
)

// String is the direction's name: "unknown", "rx", "tx".
func (d Direction) String() string {
	switch d {
	case Rx:
		return "rx"
	case Tx:
		return "tx"
	default:
		return "unknown"
	}
}

// IP protocol numbers that are decoded (IANA protocol-numbers).
const (
	ProtoICMP   = 1
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
)

// ICMP is the head of an ICMP or ICMPv6 message.
type ICMP struct {
	Type, Code uint8
	ID, Seq    uint16 // of echo requests and replies; the rest of the header otherwise
}

// LaterFragment reports whether the packet is a fragment other than the
// first: it has no ports and no transport header.
func (p *Packet) LaterFragment() bool { return p.FragmentOffset > 0 }
