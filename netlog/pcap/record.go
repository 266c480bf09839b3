package pcap

import "datakit.dev/agent/netlog/packet"

// Record is one captured frame.
type Record struct {
	Time      int64 // Unix time in nanoseconds; 0 when the file has none (simple packet blocks)
	Interface int   // index into Interfaces
	Dir       packet.Direction
	Link      packet.LinkType
	Wire      int    // length on the wire, at least len(Data)
	Data      []byte // what was captured; read: valid until the next call of Next
	Dropped   uint64 // frames lost between the one before on this interface and this one
}

// Interface is where frames of a file were captured.
type Interface struct {
	Name    string // "" when the file has none
	Link    packet.LinkType
	SnapLen int // bytes kept of a frame; 0: all

	// Counters of the capture, as its statistics say; 0 without.
	Received, Dropped uint64
}
