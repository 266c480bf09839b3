package netlog

import (
	"net/netip"
	"time"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/l7/dns"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/track"
)

const dnsPort = 53

// dnsTap matches the DNS messages of an interface.
type dnsTap struct {
	tap     *tap
	table   *dns.Table
	message dns.Message
	bad     int64 // messages that could not be read

	key   dns.Key // of the stream that is decoded
	now   int64
	out   func(*dns.Transaction)
	whole func([]byte)
}

// dnsConn is the two streams of DNS over TCP.
type dnsConn [2]dns.Stream

func newDNSTap(t *tap) *dnsTap {
	d := &dnsTap{tap: t, table: dns.NewTable(dns.Config{})}
	d.out = d.transaction
	d.whole = d.take
	return d
}

// datagram takes a message over UDP.
func (d *dnsTap) datagram(p *packet.Packet, ev *track.Event) {
	d.aim(p, ev, false)
	d.take(p.Payload)
}

// segment takes a part of a stream.
func (d *dnsTap) segment(p *packet.Packet, ev *track.Event, a *attached) {
	if a.dns == nil {
		a.dns = new(dnsConn)
	}
	d.aim(p, ev, true)
	side := 0
	if ev.Local {
		side = 1
	}
	a.dns[side].Feed(ev.Pos, p.PayloadLen, p.Payload, d.whole)
}

// aim sets whose messages come.
func (d *dnsTap) aim(p *packet.Packet, ev *track.Event, tcp bool) {
	local, remote := ev.Conn.Ends()
	d.now = p.Time
	d.key = dns.Key{Netns: d.tap.on.Netns, Client: local, Server: remote, TCP: tcp}
	if local.Port() == dnsPort && (remote.Port() != dnsPort || ev.Conn.Opened == track.OpenedByRemote) {
		d.key.Client, d.key.Server, d.key.Incoming = remote, local, true
	}
}

// take takes one message.
func (d *dnsTap) take(raw []byte) {
	if err := dns.Parse(raw, &d.message); err != nil {
		d.bad++
		return
	}
	if !d.message.Response {
		d.table.Query(d.now, d.key, &d.message)
		return
	}
	d.table.Answer(d.now, d.key, &d.message, d.out)
	d.message.Addresses(func(addr netip.Addr, name string, ttl time.Duration) {
		d.tap.cfg.metrics.domains.Learn(addr, name, ttl)
	})
}

// transaction takes a query that was answered, or was not.
func (d *dnsTap) transaction(x *dns.Transaction) {
	f := flow.DNS{
		Netns: d.tap.on.Netns, NetnsDev: d.tap.on.NetnsDev, Client: x.Client, Server: x.Server, TCP: x.TCP,
		Direction: flow.Outgoing, Container: d.tap.on.Container,
		Name: x.Name, Type: x.Type, RCode: x.RCode, Latency: x.Latency, Time: x.Start,
	}
	if x.Incoming {
		f.Direction = flow.Incoming
	}
	d.tap.cfg.metrics.addDNS(&f)
}

func (d *dnsTap) expire(now int64) { d.table.Expire(now, d.out) }

// close gives up what still waits, as far as its time has come.
func (d *dnsTap) close() { d.table.Expire(d.tap.ticked, d.out) }
