package log

import (
	"sync/atomic"

	"datakit.dev/agent/netlog/packet"
)

// Pages bounds the memory of the packet rows of all logs that share it. It is
// safe for concurrent use.
type Pages struct {
	max  int64
	used atomic.Int64
}

// NewPages makes a bound of about the given number of bytes.
func NewPages(bytes int64) *Pages { return &Pages{max: max(bytes/pageBytes, 1)} }

// Used is the memory in use, in bytes.
func (p *Pages) Used() int64 { return p.used.Load() * pageBytes }

// page holds rows of one chunk.
type page struct {
	next *page
	n    int
	rows [rowsPerPage]row
}

const (
	rowsPerPage = 16
	pageBytes   = 16 + rowsPerPage*32
)

// row is one packet of a chunk.
type row struct {
	time     int64
	seq, ack uint32 // ICMP: type and code; sequence number
	window   uint32
	size     uint32
	flags    packet.Flags
	local    bool
	src, dst uint8 // MAC, counted from 1 in the chunk
}

// get returns an empty page; nil when the bound is reached.
func (p *Pages) get() *page {
	if p.used.Add(1) > p.max {
		p.used.Add(-1)
		return nil
	}
	return &page{}
}

// put gives a list of pages back.
func (p *Pages) put(first *page) {
	n := int64(0)
	for ; first != nil; first = first.next {
		n++
	}
	p.used.Add(-n)
}
