// Package query turns the DNS messages of packets into transactions, and
// remembers what addresses were called.
//
//	payload ─► Tracker ─┬─ UDP ──────────────┐            ┌─ flow.DNS ─► dnsflow
//	                    └─ TCP ─ dns.Stream ─┴─ dns.Table ┤
//	                                                      └─ domains.Cache
package query

import (
	"net/netip"
	"time"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/l7/dns"
	"datakit.dev/agent/plugins/ebpfnet/exchange"
	"datakit.dev/agent/plugins/ebpfnet/payload"
)

// Sink takes transactions; flow.DNSAggregator is one. It must not keep x.
type Sink interface{ Add(x *flow.DNS) }

// Domains learns the names of addresses; domains.Cache is one.
type Domains interface {
	Learn(addr netip.Addr, name string, ttl time.Duration)
}

// Config says what a Tracker is made of. All of it is needed, but for
// Container and what has a default.
type Config struct {
	Out     Sink
	Domains Domains
	Now     func() time.Time // the wall clock

	NetnsDev uint64 // device id of the file system nsfs
	// Container finds the container of a socket, "" for none; nil: nobody asks.
	Container func(cgroup uint64, pid uint32) string
	// MaxConns bounds the TCP connections followed at one time. 0: 4096.
	MaxConns int
}

const (
	defaultMaxConns = 4096

	// How long a TCP connection is followed in silence, and when one end of it
	// was closed: whether the other is may never be seen.
	idle    = int64(time.Minute)
	lingers = int64(10 * time.Second)
)

// Tracker follows the transactions of all sockets. It belongs to one goroutine.
type Tracker struct {
	cfg    Config
	table  *dns.Table
	conns  map[uint64]*conversation
	stats  Stats
	wall   int64 // what to add to the times of packets for the time of day
	msg    dns.Message
	packet *payload.Packet // whose messages are looked at
	take   func(msg []byte)
	emit   func(*dns.Transaction)
	out    flow.DNS // handed to the sink, again and again

	process string // name of the last packet's
}

// conversation is one TCP connection.
type conversation struct {
	sequence [2]exchange.Sequence // received, sent
	stream   [2]dns.Stream
	last     int64
	patience int64 // idle or lingers
}

// New makes a Tracker.
func New(cfg Config) *Tracker {
	if cfg.MaxConns <= 0 {
		cfg.MaxConns = defaultMaxConns
	}
	t := &Tracker{cfg: cfg, table: dns.NewTable(dns.Config{}), conns: map[uint64]*conversation{}}
	t.take, t.emit = t.message, t.transaction
	return t
}

// Packet takes a packet of either DNS kind.
func (t *Tracker) Packet(p *payload.Packet) {
	t.packet = p
	switch {
	case p.Of() == payload.DNSUDP:
		t.message(p.Data)
	case p.Closed():
		delete(t.conns, p.End.Cookie)
	case p.Finished():
		if c := t.conns[p.End.Cookie]; c != nil {
			c.patience = lingers
		}
	default:
		t.segment(p)
	}
}

func (t *Tracker) segment(p *payload.Packet) {
	c := t.conns[p.End.Cookie]
	if c == nil {
		if len(t.conns) >= t.cfg.MaxConns {
			t.stats.Refused++
			return
		}
		c = &conversation{patience: idle}
		t.conns[p.End.Cookie] = c
	}
	c.last = int64(p.Time)
	side := 0
	if p.Sent() {
		side = 1
	}
	s := &c.stream[side]
	before := s.Stats()
	s.Feed(c.sequence[side].At(p.Seq), int(p.Len), p.Data, t.take)
	after := s.Stats()
	t.stats.Gaps += after.Gaps - before.Gaps
	if after.Skipped != before.Skipped {
		t.stats.Unframed++
	}
}

// Known reports whether a connection is followed.
func (t *Tracker) Known(cookie uint64) bool { return t.conns[cookie] != nil }

// message takes one message of the packet at hand.
func (t *Tracker) message(b []byte) {
	if err := dns.Parse(b, &t.msg); err != nil {
		t.stats.Malformed++
		return
	}
	if t.msg.Cut {
		t.stats.Cut++
	}
	k := t.key()
	if t.msg.Response {
		t.table.Answer(int64(t.packet.Time), k, &t.msg, t.emit)
	} else {
		t.table.Query(int64(t.packet.Time), k, &t.msg)
	}
}

// key tells between whom: a client sends queries and receives answers.
func (t *Tracker) key() dns.Key {
	p := t.packet
	k := dns.Key{
		Netns: uint64(p.End.Netns), Client: p.Local(), Server: p.Remote(), TCP: p.Of() == payload.DNSTCP,
		PID: p.End.Pid, CgroupID: p.End.Cgroup,
	}
	if k.PID != 0 {
		if name := p.Comm(); string(name) != t.process {
			t.process = string(name)
		}
		k.Process = t.process
	}
	if p.Sent() == t.msg.Response {
		k.Client, k.Server, k.Incoming = k.Server, k.Client, true
	}
	return k
}

// transaction hands one on. With an answer, that is the message at hand.
func (t *Tracker) transaction(x *dns.Transaction) {
	t.out = flow.DNS{
		Netns: x.Netns, NetnsDev: t.cfg.NetnsDev, Client: x.Client, Server: x.Server, TCP: x.TCP,
		Direction: flow.Outgoing, PID: x.PID, Process: x.Process, Name: x.Name, Type: x.Type, RCode: x.RCode,
		Latency: x.Latency, Time: x.Start + t.wall,
	}
	if x.Incoming {
		t.out.Direction = flow.Incoming
	}
	if x.RCode != dns.TimedOut {
		t.msg.Addresses(t.cfg.Domains.Learn)
	}
	if t.cfg.Container != nil {
		t.out.Container = t.cfg.Container(x.CgroupID, x.PID)
	}
	t.cfg.Out.Add(&t.out)
}

// Expire hands out the queries without an answer in time and forgets
// connections that are silent; now is of the clock of the packets. Call it
// about once a second.
func (t *Tracker) Expire(now int64) {
	t.wall = t.cfg.Now().UnixNano() - now
	t.table.Expire(now, t.emit)
	for cookie, c := range t.conns {
		if now-c.last > c.patience {
			delete(t.conns, cookie)
		}
	}
}
