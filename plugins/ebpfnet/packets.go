package ebpfnet

import (
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/l7/http"
	"datakit.dev/agent/plugins/ebpfnet/exchange"
	"datakit.dev/agent/plugins/ebpfnet/payload"
)

// packet takes one packet of the ring.
func (a *applications) packet(p *payload.Packet) {
	a.read += int64(p.Size())
	switch {
	case p.Orphan():
		a.orphans.Keep(p)
	case p.Of() == payload.HTTP:
		if p.Len > 0 && !a.exchanges.Known(p.End.Cookie) {
			if first := a.orphans.Claim(p); first != nil {
				a.exchange(first)
			}
		}
		a.exchange(p)
	default:
		if p.Of() == payload.DNSTCP && p.Len > 0 && !a.queries.Known(p.End.Cookie) {
			if first := a.orphans.Claim(p); first != nil {
				a.queries.Packet(first)
			}
		}
		a.queries.Packet(p)
	}
}

// exchange takes a packet of what may be HTTP and tells the programs what is
// wanted of the next ones.
func (a *applications) exchange(p *payload.Packet) {
	from := http.Remote
	if p.Sent() {
		from = http.Local
	}
	switch {
	case p.Closed():
		a.exchanges.Closed(p.End.Cookie, int64(p.Time))
		return
	case p.Finished():
		a.exchanges.Finished(p.End.Cookie, from, p.Seq, int64(p.Time))
		return
	}
	s := &a.segment
	*s = http.Segment{Time: int64(p.Time), From: from, Len: int(p.Len), Data: p.Data}
	a.describe(p)
	wanted, changed := a.exchanges.Packet(p.End.Cookie, &a.endpoint, s, p.Seq)
	if changed && a.markErr == nil {
		a.markErr = a.tap.Mark(p.End.Cookie, modeOf(wanted))
	}
}

// describe fills the endpoint in, with as little work as most packets need.
func (a *applications) describe(p *payload.Packet) {
	e := &a.endpoint
	if e.Cookie == p.End.Cookie && e.PID == p.End.Pid {
		return
	}
	*e = exchange.Endpoint{
		Netns: uint64(p.End.Netns), Local: p.Local(), Remote: p.Remote(),
		PID: p.End.Pid, CgroupID: p.End.Cgroup, Cookie: p.End.Cookie,
	}
	if p.End.Pid != 0 {
		e.Process = a.names.of(p.Comm())
	}
}

func modeOf(c http.Capture) payload.Mode {
	switch c {
	case http.None:
		return payload.Off
	case http.All:
		return payload.All
	default:
		return payload.Heads
	}
}

// datagrams adds the UDP flows of the interval to agg.
func (a *applications) datagrams(netnsDev uint64, find func(uint64, uint32) string, agg *flow.Aggregator) error {
	if a.tap == nil || !a.cfg.UDP {
		return nil
	}
	return a.tap.Flows(func(f *payload.Flow) {
		c := flow.Conn{
			Netns: uint64(f.Netns), NetnsDev: netnsDev, Local: f.Local, Remote: f.Remote,
			Transport: flow.UDP, Direction: flow.Incoming, PID: f.PID, Process: f.Comm, CgroupID: f.Cgroup,
			Written: f.Written, Read: f.Read,
		}
		if f.Outgoing {
			c.Direction = flow.Outgoing
		}
		if find != nil {
			c.Container = find(f.Cgroup, f.PID)
		}
		agg.Add(c)
	})
}

// names keeps the strings of process names, of which there are few.
type names struct{ known map[string]string }

// maxNames bounds them; beyond, they are forgotten and learnt again.
const maxNames = 4096

func (n *names) of(b []byte) string {
	if s, ok := n.known[string(b)]; ok {
		return s
	}
	if n.known == nil || len(n.known) >= maxNames {
		n.known = map[string]string{}
	}
	s := string(b)
	n.known[s] = s
	return s
}
