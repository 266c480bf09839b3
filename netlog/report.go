package netlog

import (
	"math"
	"time"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/track"
)

// told is what of a connection went into flows already.
type told struct {
	written, read uint64
	retransmits   uint32
	established   bool
	closed        bool
}

// reportAll brings the flows up to date.
func (t *tap) reportAll() {
	for c := range t.table.All {
		t.report(c, &t.conns[c.Slot])
	}
}

// report adds what happened on a connection since the last time.
func (t *tap) report(c *track.Conn, a *attached) {
	transport, m := c.Proto(), t.cfg.metrics
	if m == nil || !a.own || !(transport == packet.ProtoTCP && m.kinds.tcp || transport == packet.ProtoUDP && m.kinds.udp) {
		return
	}
	local, remote := c.Ends()
	f := flow.Conn{
		Netns: t.on.Netns, NetnsDev: t.on.NetnsDev, Local: local, Remote: remote, Transport: transport, Container: t.on.Container,
		Written: c.Local.Stream - a.told.written, Read: c.Remote.Stream - a.told.read, Retransmits: c.Local.Retransmits - a.told.retransmits,
	}
	a.told.written, a.told.read, a.told.retransmits = c.Local.Stream, c.Remote.Stream, c.Local.Retransmits
	switch c.Opened {
	case track.OpenedByLocal:
		f.Direction = flow.Outgoing
	case track.OpenedByRemote:
		f.Direction = flow.Incoming
	}
	if transport == packet.ProtoTCP {
		smoothed, deviation := c.RTT()
		f.RTT, f.RTTVar = microseconds(smoothed), microseconds(deviation)
		if c.Established != 0 && !a.told.established {
			a.told.established, f.Established = true, 1
		}
		if c.Closed != 0 && c.WasOpen() && !a.told.closed {
			a.told.closed, f.Closed = true, 1
		}
	}
	m.addConn(f)
}

// microseconds rounds up, so that what was measured is not 0.
func microseconds(d time.Duration) uint32 {
	return uint32(min((d+time.Microsecond-1)/time.Microsecond, math.MaxUint32))
}
