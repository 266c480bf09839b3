package ebpfnet

import (
	"datakit.dev/agent/internal/flow"
)

// conntable turns what records say, totals since a connection began, into
// what happened since it was last reported. It holds the connections that
// were reported and are not over; the kernel's table bounds it.
type conntable struct {
	conns    map[connID]snapshot
	searched map[connID]uint8 // not reported yet: how often their owner was searched for in vain
	scan     uint32           // number of the current scan
}

// snapshot is what was reported of a connection so far.
type snapshot struct {
	written, read uint64
	retransmits   uint32
	scan          uint32 // the last scan that met it
	closed        bool   // its end was reported; the socket may still be read from
}

func newConntable() *conntable {
	return &conntable{conns: map[connID]snapshot{}, searched: map[connID]uint8{}}
}

// update takes a record into account and returns the difference it makes.
// last says that no further record of this connection will follow.
//
// Totals never go back: a record read in the very moment of a change may be
// one byte short, and one whose end was missed holds none.
func (t *conntable) update(r *record, last bool) flow.Conn {
	id := r.id()
	delete(t.searched, id)
	s, known := t.conns[id]
	c := flow.Conn{
		Netns: uint64(r.Netns),
		Local: r.local(), Remote: r.remote(),
		Transport: flow.TCP, Direction: r.direction(),
		PID: r.Pid, Process: r.process(), CgroupID: r.Cgroup,
		RTT: r.Rtt, RTTVar: r.RttVar,
	}
	switch {
	case known:
	case r.found(): // what came before us is not ours to report
		s = snapshot{written: r.BaseWritten, read: r.BaseRead, retransmits: r.BaseRetransmits}
	default:
		c.Established = 1
	}
	if r.Written > s.written {
		c.Written, s.written = r.Written-s.written, r.Written
	}
	if r.Read > s.read {
		c.Read, s.read = r.Read-s.read, r.Read
	}
	if r.Retransmits > s.retransmits {
		c.Retransmits, s.retransmits = r.Retransmits-s.retransmits, r.Retransmits
	}
	if r.closed() && !s.closed {
		c.Closed, s.closed = 1, true
	}
	if last {
		delete(t.conns, id)
		return c
	}
	s.scan = t.scan
	t.conns[id] = s
	return c
}

// begin starts a scan.
func (t *conntable) begin() { t.scan++ }

// met reports whether the current scan met the connection already.
func (t *conntable) met(id connID) bool {
	s, known := t.conns[id]
	return known && s.scan == t.scan
}

// maxSearches is how many scans a new connection without an owner is held
// back, while its owner is searched for: it may be waiting to be accepted.
// Sockets of the kernel itself never have one.
const maxSearches = 2

// unowned reports whether to hold a connection back.
func (t *conntable) unowned(r *record) bool {
	if r.Pid != 0 || r.closed() {
		return false
	}
	_, reported := t.conns[r.id()]
	return !reported && t.searched[r.id()] < maxSearches
}

// missed notes that the owner was searched for in vain.
func (t *conntable) missed(r *record) { t.searched[r.id()]++ }

// sweep forgets the connections that neither the last two scans met nor the
// kernel still knows: their last record was lost, which the kernel counted.
func (t *conntable) sweep(exists func(connID) bool) {
	for id, s := range t.conns {
		if t.scan-s.scan > 1 && !exists(id) {
			delete(t.conns, id)
		}
	}
	for id := range t.searched {
		if !exists(id) {
			delete(t.searched, id)
		}
	}
}
