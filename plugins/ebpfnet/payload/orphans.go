package payload

import (
	"bytes"
	"time"
)

// Bounds of Orphans.
const (
	maxOrphans = 1024
	orphanAge  = int64(10 * time.Second)
)

// Orphans keeps what was received together with a handshake until the
// connection is known by its cookie. It belongs to one goroutine.
type Orphans struct {
	waiting map[tuple]*Packet
	Dropped int64 // too many, or too old
}

type tuple struct {
	netns         uint32
	local, remote [16]byte
	lport, rport  uint16
}

func tupleOf(p *Packet) tuple {
	e := &p.End
	return tuple{e.Netns, e.Local, e.Remote, e.LocalPort, e.RemotePort}
}

// Keep keeps an orphan.
func (o *Orphans) Keep(p *Packet) {
	if o.waiting == nil {
		o.waiting = map[tuple]*Packet{}
	}
	if len(o.waiting) >= maxOrphans {
		o.expire(int64(p.Time))
	}
	if len(o.waiting) >= maxOrphans {
		o.Dropped++
		return
	}
	kept := *p
	kept.Data = bytes.Clone(p.Data)
	o.waiting[tupleOf(p)] = &kept
}

// Claim returns what came before a packet of a connection that is new, nil
// when nothing did.
func (o *Orphans) Claim(p *Packet) *Packet {
	if len(o.waiting) == 0 {
		return nil
	}
	k := tupleOf(p)
	found := o.waiting[k]
	delete(o.waiting, k)
	if found == nil || int64(p.Time-found.Time) > orphanAge {
		return nil
	}
	found.End.Cookie, found.End.Pid, found.End.Comm = p.End.Cookie, p.End.Pid, p.End.Comm
	return found
}

func (o *Orphans) expire(now int64) {
	for k, p := range o.waiting {
		if now-int64(p.Time) > orphanAge {
			delete(o.waiting, k)
			o.Dropped++
		}
	}
}
