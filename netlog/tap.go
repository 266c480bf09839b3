package netlog

import (
	"datakit.dev/agent/filter"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/log"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/track"
)

// tapConfig is what the taps of a process have in common.
type tapConfig struct {
	table     *Table
	rules     *filter.Program // nil: none
	logs      bool
	protocols [256]bool // to log, by IP protocol number
	pages     *log.Pages
	allow     func(now int64) bool
	metrics   *metrics // nil: none
	noIPv6    bool
	seed      [3]uint64
}

// tap does all that happens to the packets of one interface. It belongs to
// one goroutine.
type tap struct {
	on    Interface
	cfg   *tapConfig
	rules *blacklist
	table *track.Table
	log   *log.Log // nil: no logs
	http  *httpTap // nil: not decoded
	dns   *dnsTap  // nil: not decoded
	conns []attached
	emit  func(point.Point)

	ticked, flushed int64 // times
	counts          tapCounts
}

// attached is what is kept beside a connection, by its slot.
type attached struct {
	own  bool // counts for flows
	http httpConn
	dns  *dnsConn
	told told
}

// tapCounts says what became of the packets. Each is in exactly one of
// Filtered, IPv6 and those of track.Stats.
type tapCounts struct {
	Packets  int64
	Filtered int64 // by the blacklist
	IPv6     int64 // with ipv6_disabled
}

func newTap(on Interface, cfg *tapConfig, emit func(point.Point)) *tap {
	t := &tap{on: on, cfg: cfg, rules: newBlacklist(cfg.rules, &on), emit: emit}
	t.table = track.New(track.Config{Max: cfg.table.MaxConnections, Ended: t.ended, Seed: cfg.seed})
	if cfg.logs {
		t.log = log.New(log.Config{Origin: on.origin(), Pages: cfg.pages, Allow: t.allow, Emit: emit})
	}
	if cfg.table.MaxHTTP > 0 && (cfg.logs && cfg.protocols[packet.ProtoTCP] || cfg.metrics != nil && cfg.metrics.kinds.http) {
		t.http = newHTTPTap(t, cfg.table.MaxHTTP)
	}
	if cfg.metrics != nil && cfg.metrics.kinds.dns {
		t.dns = newDNSTap(t)
	}
	return t
}

// allow asks the rate cap for a point. What ends for want of packets has an
// old time, but is written now.
func (t *tap) allow(at int64) bool { return t.cfg.allow(max(at, t.ticked)) }

// packet takes the next packet.
func (t *tap) packet(p *packet.Packet) {
	if p.Time-t.ticked >= tickTime {
		t.tick(p.Time)
	}
	t.counts.Packets++
	if t.cfg.noIPv6 && p.Src.Is6() {
		t.counts.IPv6++
		return
	}
	if p.Dir == packet.Unknown {
		t.on.direct(p)
	}
	if t.rules.drops(p) {
		t.counts.Filtered++
		return
	}
	ev, ok := t.table.Packet(p)
	if !ok {
		return
	}
	c := ev.Conn
	if int(c.Slot) >= len(t.conns) {
		t.conns = append(t.conns, make([]attached, int(c.Slot)-len(t.conns)+1)...)
	}
	a := &t.conns[c.Slot]
	if ev.New {
		t.opened(p, &ev, a)
	}
	if t.log != nil && t.cfg.protocols[p.Proto] {
		t.log.Packet(p, &ev)
	}
	switch {
	case p.PayloadLen == 0:
	case p.Proto == packet.ProtoTCP:
		if t.http != nil && a.http.state != httpDone && !ev.Analysis.Has(track.KeepAlive|track.ZeroWindowProbe) {
			t.http.segment(p, &ev, a)
		}
		if t.dns != nil && a.own && (p.SrcPort == dnsPort || p.DstPort == dnsPort) {
			t.dns.segment(p, &ev, a)
		}
	case p.Proto == packet.ProtoUDP:
		if t.dns != nil && a.own && (p.SrcPort == dnsPort || p.DstPort == dnsPort) {
			t.dns.datagram(p, &ev)
		}
	}
}

// opened sets what is known of a connection from its beginning.
func (t *tap) opened(p *packet.Packet, ev *track.Event, a *attached) {
	*a = attached{own: t.on.own(p, ev.Local)}
	c := ev.Conn
	if c.Opened == track.OpenerUnknown && t.on.Listens != nil {
		local, remote := c.Ends()
		switch {
		case t.on.Listens(local):
			c.Opened = track.OpenedByRemote
		case t.on.Owns != nil && t.on.Owns(remote.Addr()) && t.on.Listens(remote):
			c.Opened = track.OpenedByLocal
		}
	}
}

// ended is called when a connection leaves the table.
func (t *tap) ended(c *track.Conn, _ track.Reason) {
	if int(c.Slot) >= len(t.conns) {
		return
	}
	a := &t.conns[c.Slot]
	if t.http != nil {
		t.http.close(c, a)
	}
	t.report(c, a)
	if t.log != nil && t.cfg.protocols[c.Proto()] {
		t.log.Ended(c)
	}
	*a = attached{}
}

// How often, in the time of packets, a tap looks after what has to end.
const (
	tickTime  = second
	flushTime = 8 * second
)

// tick does what is due at a time up to which all packets were handed in.
func (t *tap) tick(now int64) {
	if now <= t.ticked {
		return
	}
	t.ticked = now
	t.table.Expire(now)
	if t.dns != nil {
		t.dns.expire(now)
	}
	if t.log != nil && now-t.flushed >= flushTime {
		t.flushed = now
		t.log.Flush(now)
	}
}

// close ends everything.
func (t *tap) close() {
	t.table.Close()
	if t.dns != nil {
		t.dns.close()
	}
}
