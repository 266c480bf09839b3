package ebpfnet

import (
	"testing"

	"datakit.dev/agent/internal/flow"
)

// open is a record of a live connection with totals.
func open(id, written, read uint64, retransmits uint32) *record {
	var r record
	r.Sk, r.Start, r.Flags = id, 1, uint8(tcpStateFlagFLAG_OPEN)
	r.Written, r.Read, r.Retransmits = written, read, retransmits
	r.Pid, r.State = 7, 1
	return &r
}

func (r *record) with(change func(*record)) *record { change(r); return r }

func isClosed(r *record) { r.State = stateClose }
func isLost(r *record)   { r.State = stateClose; r.Flags |= uint8(tcpStateFlagFLAG_LOST) }

func isFound(r *record) {
	r.Flags |= uint8(tcpStateFlagFLAG_FOUND)
	r.BaseWritten, r.BaseRead, r.BaseRetransmits = 100, 10, 1
}

// step is one record and the difference it has to make.
type step struct {
	record *record
	last   bool
	want   flow.Conn
}

func TestConntable(t *testing.T) {
	for name, steps := range map[string][]step{
		"live, then ended": {
			{open(1, 5, 6, 0), false, flow.Conn{Established: 1, Written: 5, Read: 6}},
			{open(1, 5, 6, 0), false, flow.Conn{}},
			{open(1, 8, 6, 2), false, flow.Conn{Written: 3, Retransmits: 2}},
			{open(1, 9, 9, 2).with(isClosed), true, flow.Conn{Written: 1, Read: 3, Closed: 1}},
		},
		"opened and closed between two scans": {
			{open(1, 5, 6, 0).with(isClosed), true, flow.Conn{Established: 1, Closed: 1, Written: 5, Read: 6}},
		},
		"closed, and read on until the socket is gone": {
			{open(1, 5, 6, 0).with(isClosed), false, flow.Conn{Established: 1, Closed: 1, Written: 5, Read: 6}},
			{open(1, 5, 9, 0).with(isClosed), true, flow.Conn{Read: 3}},
		},
		"open before": {
			{open(1, 100, 10, 1).with(isFound), false, flow.Conn{}},
			{open(1, 150, 10, 1).with(isFound), false, flow.Conn{Written: 50}},
			{open(1, 150, 11, 3).with(isFound).with(isClosed), true, flow.Conn{Read: 1, Retransmits: 2, Closed: 1}},
		},
		"open before and closed before the first scan": {
			{open(1, 120, 10, 1).with(isFound).with(isClosed), true, flow.Conn{Written: 20, Closed: 1}},
		},
		"a FIN in the very moment of the scan": {
			{open(1, 5, 0, 0), false, flow.Conn{Established: 1, Written: 5}},
			{open(1, 4, 0, 0), false, flow.Conn{}},
			{open(1, 5, 0, 0).with(isClosed), true, flow.Conn{Closed: 1}},
		},
		"end not seen": {
			{open(1, 5, 6, 0), false, flow.Conn{Established: 1, Written: 5, Read: 6}},
			{open(1, 0, 0, 0).with(isLost), true, flow.Conn{Closed: 1}},
		},
		"the same sock, another connection": {
			{open(1, 5, 0, 0), false, flow.Conn{Established: 1, Written: 5}},
			{open(1, 3, 0, 0).with(func(r *record) { r.Start = 2 }), false, flow.Conn{Established: 1, Written: 3}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			table := newConntable()
			for i, s := range steps {
				c := table.update(s.record, s.last)
				got := flow.Conn{Established: c.Established, Closed: c.Closed, Written: c.Written, Read: c.Read, Retransmits: c.Retransmits}
				if got != s.want {
					t.Errorf("step %d: %+v, want %+v", i, got, s.want)
				}
			}
			if last := steps[len(steps)-1]; last.last && len(table.conns) != 0 {
				t.Errorf("%d connections are kept", len(table.conns))
			}
		})
	}
}

func TestUnownedIsHeldBack(t *testing.T) {
	table := newConntable()
	r := open(1, 0, 0, 0).with(func(r *record) { r.Pid = 0 })
	for i := range maxSearches {
		if !table.unowned(r) {
			t.Fatalf("not held back after %d searches", i)
		}
		table.missed(r)
	}
	if table.unowned(r) {
		t.Error("held back forever")
	}
	table.update(r, false)
	if table.unowned(r) || len(table.searched) != 0 {
		t.Error("held back after it was reported")
	}
	if table.unowned(open(2, 0, 0, 0)) || table.unowned(open(3, 0, 0, 0).with(func(r *record) { r.Pid = 0; isClosed(r) })) {
		t.Error("an owned or closed one is held back")
	}
}

func TestSweep(t *testing.T) {
	table := newConntable()
	for range 3 {
		table.begin()
		table.update(open(1, 0, 0, 0), false)
		if table.scan == 1 {
			table.update(open(2, 0, 0, 0), false)
			table.update(open(3, 0, 0, 0), false)
		}
		table.sweep(func(id connID) bool { return id.sk == 3 })
	}
	for sk, want := range map[uint64]bool{1: true, 2: false, 3: true} {
		if _, got := table.conns[connID{sk, 1}]; got != want {
			t.Errorf("connection %d kept: %v, want %v", sk, got, want)
		}
	}
	if !table.met(connID{1, 1}) || table.met(connID{3, 1}) {
		t.Error("met is of the current scan")
	}
}
