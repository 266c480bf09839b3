package track

import "datakit.dev/agent/netlog/packet"

// State is the state of a TCP connection as a third party sees it: SynSent
// and SynReceived are of the connection, not of one end.
type State uint8

// States. UDP and ICMP stay in Stateless.
const (
	Stateless State = iota
	SynSent
	SynReceived
	Established
	FinWait1 // one end sent a FIN
	FinWait2 // … and it was acknowledged
	LastAck  // both ends sent a FIN
	TimeWait // … and both were acknowledged
	Reset
)

// String is the name of the state.
func (s State) String() string {
	switch s {
	case Stateless:
		return "stateless"
	case SynSent:
		return "syn_sent"
	case SynReceived:
		return "syn_received"
	case Established:
		return "established"
	case FinWait1:
		return "fin_wait1"
	case FinWait2:
		return "fin_wait2"
	case LastAck:
		return "last_ack"
	case TimeWait:
		return "time_wait"
	default:
		return "reset"
	}
}

// over reports that nothing new is expected.
func (s State) over() bool { return s == TimeWait || s == Reset }

// advance moves the state on by one segment of fwd.
func (c *Conn) advance(p *packet.Packet, fwd, rev *Side) {
	flags := p.TCP.Flags
	switch {
	case flags&packet.RST != 0:
		fwd.Resets++
		if !c.State.over() {
			c.State, c.Closed = Reset, p.Time
		}
		return
	case flags&packet.SYN != 0:
		c.synchronize(p, fwd)
		return
	}
	if c.State <= SynReceived {
		c.establish(p, fwd, rev)
	}
	if flags&packet.FIN != 0 && fwd.flags&sawFIN == 0 {
		fwd.flags |= sawFIN
		fwd.finEnd = p.TCP.Seq + uint32(p.PayloadLen) + 1
		if c.FIN == 0 {
			c.FIN = p.Time
		}
	}
	if c.FIN != 0 && !c.State.over() {
		c.finish(p, fwd, rev)
	}
}

func (c *Conn) synchronize(p *packet.Packet, fwd *Side) {
	fwd.flags |= sawSYN
	if p.TCP.Options.Has(packet.OptWScale) {
		fwd.scale = min(p.TCP.WScale, 14) // RFC 7323 section 2.3
		fwd.flags |= offeredScale
	}
	if p.TCP.Flags&packet.ACK == 0 {
		c.lastSYN = p.Time
		if c.SYN == 0 {
			c.SYN = p.Time
		}
	} else if c.State == SynSent {
		c.State = SynReceived
	}
}

// establish ends the handshake with the opener's first segment after the
// SYNs, or takes up a connection in its middle.
func (c *Conn) establish(p *packet.Packet, fwd, rev *Side) {
	if p.TCP.Flags&packet.ACK == 0 {
		return
	}
	begun := (fwd.flags|rev.flags)&sawSYN != 0
	opener := c.Opened == OpenedByLocal && fwd == &c.Local || c.Opened == OpenedByRemote && fwd == &c.Remote
	if begun && !opener {
		return
	}
	if c.State == SynReceived && c.SYN != 0 {
		c.Established = p.Time
		c.InitialRTT = p.Time - c.lastSYN
	}
	c.State = Established
	if begun && fwd.flags&rev.flags&offeredScale == 0 {
		fwd.scale, rev.scale = 0, 0 // RFC 7323: both or none
	}
}

// finish follows the FINs and their acknowledgements.
func (c *Conn) finish(p *packet.Packet, fwd, rev *Side) {
	if p.TCP.Flags&packet.ACK != 0 && rev.flags&sawFIN != 0 && !before(p.TCP.Ack, rev.finEnd) {
		rev.flags |= finAcked
	}
	switch sent, acked := fwd.flags|rev.flags, (fwd.flags|rev.flags)&finAcked != 0; {
	case fwd.flags&rev.flags&finAcked != 0:
		c.State, c.Closed = TimeWait, p.Time
	case fwd.flags&rev.flags&sawFIN != 0:
		c.State = LastAck
	case sent&sawFIN != 0 && acked:
		c.State = FinWait2
	default:
		c.State = FinWait1
	}
}
