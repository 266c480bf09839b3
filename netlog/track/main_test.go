package track

import (
	"net/netip"
	"testing"

	"go.uber.org/goleak"

	"datakit.dev/agent/netlog/packet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire makes up packets between a client, which is the local end, and a
// server.
type wire struct {
	t      *testing.T
	table  *Table
	now    int64
	client netip.AddrPort
	server netip.AddrPort
	seq    [2]uint32 // next of client and server
	ended  []Reason
}

func newWire(t *testing.T, cfg Config) *wire {
	w := &wire{
		t: t, now: 1000 * second, seq: [2]uint32{100, 5000},
		client: netip.MustParseAddrPort("10.0.0.1:40000"), server: netip.MustParseAddrPort("10.0.0.2:80"),
	}
	cfg.Ended = func(_ *Conn, why Reason) { w.ended = append(w.ended, why) }
	w.table = New(cfg)
	return w
}

const (
	client = true
	server = false
)

// send sends a segment at the end of the stream, 1 ms after the one before.
func (w *wire) send(fromClient bool, flags packet.Flags, payload int) Event {
	w.t.Helper()
	me := 1
	if fromClient {
		me = 0
	}
	ev := w.at(fromClient, flags, w.seq[me], payload)
	w.seq[me] += uint32(payload)
	if flags&(packet.SYN|packet.FIN) != 0 {
		w.seq[me]++
	}
	return ev
}

// at sends a segment with a given sequence number.
func (w *wire) at(fromClient bool, flags packet.Flags, seq uint32, payload int) Event {
	w.t.Helper()
	w.now += 1_000_000
	p := packet.Packet{
		Time: w.now, Proto: packet.ProtoTCP, Dir: packet.Tx, PayloadLen: payload,
		Src: w.client.Addr(), SrcPort: w.client.Port(), Dst: w.server.Addr(), DstPort: w.server.Port(),
	}
	p.TCP = packet.TCP{Seq: seq, Flags: flags, Window: 1000}
	other := 1
	if !fromClient {
		p.Dir, p.Src, p.Dst, p.SrcPort, p.DstPort, other = packet.Rx, p.Dst, p.Src, p.DstPort, p.SrcPort, 0
	}
	if flags.Has(packet.ACK) {
		p.TCP.Ack = w.seq[other]
	}
	ev, ok := w.table.Packet(&p)
	if !ok {
		w.t.Fatal("a TCP packet was not taken")
	}
	return ev
}

func (w *wire) handshake() *Conn {
	w.t.Helper()
	w.send(client, packet.SYN, 0)
	w.send(server, packet.SYN|packet.ACK, 0)
	return w.send(client, packet.ACK, 0).Conn
}
