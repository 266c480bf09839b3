package track

import (
	"testing"
	"time"

	"datakit.dev/agent/netlog/packet"
)

const (
	syn    = packet.SYN
	synAck = packet.SYN | packet.ACK
	ack    = packet.ACK
	fin    = packet.FIN | packet.ACK
	rst    = packet.RST
)

// TestStates: each step is a segment and the state after it.
func TestStates(t *testing.T) {
	type step struct {
		from  bool
		flags packet.Flags
		want  State
	}
	open := []step{{client, syn, SynSent}, {server, synAck, SynReceived}, {client, ack, Established}}
	for name, steps := range map[string][]step{
		"orderly":                {{client, fin, FinWait1}, {server, ack, FinWait2}, {server, fin, LastAck}, {client, ack, TimeWait}},
		"server closes first":    {{server, fin, FinWait1}, {client, ack, FinWait2}, {client, fin, LastAck}, {server, ack, TimeWait}},
		"FIN acknowledges FIN":   {{client, fin, FinWait1}, {server, fin, LastAck}, {client, ack, TimeWait}},
		"half closed, data":      {{client, fin, FinWait1}, {server, ack, FinWait2}, {server, packet.PSH | ack, FinWait2}, {client, ack, FinWait2}},
		"reset":                  {{server, rst, Reset}},
		"reset after FIN":        {{client, fin, FinWait1}, {server, rst, Reset}},
		"straggler after reset":  {{server, rst, Reset}, {client, ack, Reset}},
		"straggler after close":  {{client, fin, FinWait1}, {server, fin, LastAck}, {client, ack, TimeWait}, {server, fin, TimeWait}},
		"data keeps established": {{client, packet.PSH | ack, Established}, {server, ack, Established}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, Config{})
			for i, s := range append(open, steps...) {
				c := w.send(s.from, s.flags, 0).Conn
				if c.State != s.want {
					t.Fatalf("step %d: %v, want %v", i, c.State, s.want)
				}
			}
		})
	}
}

func TestMidStream(t *testing.T) {
	w := newWire(t, Config{})
	c := w.send(client, ack, 10).Conn
	if c.State != Established || c.Opened != OpenerUnknown || c.Established != 0 || c.WasOpen() {
		t.Errorf("%+v", c)
	}
	w.send(server, ack, 10)
	if !c.WasOpen() {
		t.Error("both ends sent something, and it was not open")
	}
	if _, ok := c.Handshake(); ok {
		t.Error("a handshake that was not seen took time")
	}
}

func TestTimes(t *testing.T) {
	w := newWire(t, Config{})
	w.send(client, syn, 0)
	w.now += int64(time.Second)
	w.at(client, syn, w.seq[0]-1, 0)
	w.send(server, synAck, 0)
	c := w.send(client, ack, 0).Conn
	if d, ok := c.Handshake(); !ok || d != time.Second+3*time.Millisecond {
		t.Errorf("the handshake took %v, want it from the first SYN on", d)
	}
	if c.InitialRTT != int64(2*time.Millisecond) || c.Local.SYNRetransmits != 1 {
		t.Errorf("initial round trip %v, %d SYNs repeated", time.Duration(c.InitialRTT), c.Local.SYNRetransmits)
	}
	w.send(server, fin, 0)
	w.send(client, fin, 0)
	w.send(server, ack, 0)
	if d, ok := c.Teardown(); !ok || d != 2*time.Millisecond {
		t.Errorf("closing took %v", d)
	}
}

// Who opened a connection, and which end is the local one where the capture
// does not tell the direction.
func TestOpener(t *testing.T) {
	for name, tc := range map[string]struct {
		from   bool
		flags  packet.Flags
		dir    packet.Direction
		opener Opener
		local  string
	}{
		"SYN sent":              {client, syn, packet.Tx, OpenedByLocal, "10.0.0.1:40000"},
		"SYN received":          {client, syn, packet.Rx, OpenedByRemote, "10.0.0.2:80"},
		"SYN+ACK received":      {server, synAck, packet.Rx, OpenedByLocal, "10.0.0.1:40000"},
		"SYN+ACK sent":          {server, synAck, packet.Tx, OpenedByRemote, "10.0.0.2:80"},
		"middle, sent":          {server, ack, packet.Tx, OpenerUnknown, "10.0.0.2:80"},
		"SYN, unknown":          {client, syn, packet.Unknown, OpenedByLocal, "10.0.0.1:40000"},
		"SYN+ACK, unknown":      {server, synAck, packet.Unknown, OpenedByLocal, "10.0.0.1:40000"},
		"middle of, by server":  {server, ack, packet.Unknown, OpenerUnknown, "10.0.0.1:40000"},
		"middle of, by client":  {client, ack, packet.Unknown, OpenerUnknown, "10.0.0.1:40000"},
		"middle of it, by RST":  {client, rst, packet.Unknown, OpenerUnknown, "10.0.0.1:40000"},
		"server sends and says": {server, ack, packet.Rx, OpenerUnknown, "10.0.0.1:40000"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, Config{})
			p := packet.Packet{Time: w.now, Proto: packet.ProtoTCP, Dir: tc.dir, TCP: packet.TCP{Flags: tc.flags}}
			p.Src, p.SrcPort, p.Dst, p.DstPort = w.client.Addr(), w.client.Port(), w.server.Addr(), w.server.Port()
			if tc.from == server {
				p.Src, p.SrcPort, p.Dst, p.DstPort = p.Dst, p.DstPort, p.Src, p.SrcPort
			}
			ev, _ := w.table.Packet(&p)
			if local, _ := ev.Conn.Ends(); ev.Conn.Opened != tc.opener || local.String() != tc.local {
				t.Errorf("opener %d, local end %v; want %d, %s", ev.Conn.Opened, local, tc.opener, tc.local)
			}
		})
	}
}

func TestWindowScale(t *testing.T) {
	p := packet.Packet{Time: 1, Proto: packet.ProtoTCP, Dir: packet.Tx, TCP: packet.TCP{Flags: syn, Window: 500, Options: packet.OptWScale, WScale: 7}}
	for name, tc := range map[string]struct {
		answer packet.Options
		want   uint32
	}{"both offer it": {packet.OptWScale, 500 << 7}, "one does": {0, 500}} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, Config{})
			s := p
			s.Src, s.SrcPort, s.Dst, s.DstPort = w.client.Addr(), w.client.Port(), w.server.Addr(), w.server.Port()
			ev, _ := w.table.Packet(&s)
			if got := ev.Window(&s); got != 500 {
				t.Errorf("window of the SYN is %d", got)
			}
			r := s
			r.Dir, r.Src, r.SrcPort, r.Dst, r.DstPort = packet.Rx, s.Dst, s.DstPort, s.Src, s.SrcPort
			r.TCP.Flags, r.TCP.Options, r.TCP.WScale, r.TCP.Ack = synAck, tc.answer, 9, 1
			w.table.Packet(&r)
			s.TCP.Flags, s.TCP.Options, s.TCP.Seq, s.TCP.Ack = ack, 0, 1, 1
			ev, _ = w.table.Packet(&s)
			if got := ev.Window(&s); got != tc.want {
				t.Errorf("window %d, want %d", got, tc.want)
			}
		})
	}
}
