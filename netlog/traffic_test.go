package netlog

import (
	"encoding/binary"
	"io"
	"net/netip"
	"strings"
	"testing"

	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/pcap"
)

// traffic writes made-up frames to a capture: what clients and servers with
// Linux's TCP send, on an Ethernet whose NIC is the clients'.
type traffic struct {
	t    testing.TB
	w    *pcap.Writer
	now  int64
	snap int
	sent int

	silent bool   // about directions
	vni    uint32 // of the tunnel frames are put into; 0: none
}

var (
	clientMAC = [6]byte{2, 0, 0, 0, 0, 1}
	serverMAC = [6]byte{2, 0, 0, 0, 0, 2}
)

func newTraffic(t testing.TB, to io.Writer, snap int) *traffic {
	t.Helper()
	w, err := pcap.NewWriter(to, "test")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddInterface(pcap.Interface{Name: "eth0", Link: packet.LinkEthernet, SnapLen: snap}); err != nil {
		t.Fatal(err)
	}
	return &traffic{t: t, w: w, now: 1_700_000_000_000_000_000, snap: snap}
}

// dialogue is one TCP connection that is being made up.
type dialogue struct {
	*traffic
	client, server netip.AddrPort
	seq            [2]uint32 // next of client and server
}

func (f *traffic) dial(client, server string) *dialogue {
	d := &dialogue{traffic: f, client: netip.MustParseAddrPort(client), server: netip.MustParseAddrPort(server), seq: [2]uint32{1000, 2000}}
	d.segment(true, packet.SYN, nil, 0)
	d.segment(false, packet.SYN|packet.ACK, nil, 0)
	d.segment(true, packet.ACK, nil, 0)
	return d
}

// say sends text in segments of at most 1448 bytes, of which a pair is
// acknowledged at a time.
func (d *dialogue) say(client bool, text []byte) {
	for i := 0; len(text) > 0; i++ {
		n := min(len(text), 1448)
		d.segment(client, packet.ACK|packet.PSH, text[:n], 0)
		text = text[n:]
		if i%2 == 1 || len(text) == 0 {
			d.segment(!client, packet.ACK, nil, 0)
		}
	}
}

// hangUp closes the connection in an orderly way.
func (d *dialogue) hangUp() {
	d.segment(true, packet.FIN|packet.ACK, nil, 0)
	d.segment(false, packet.FIN|packet.ACK, nil, 0)
	d.segment(true, packet.ACK, nil, 0)
}

// segment sends one segment, back bytes before the end of the stream.
func (d *dialogue) segment(client bool, flags packet.Flags, payload []byte, back uint32) {
	me := 1
	if client {
		me = 0
	}
	seq, ack := d.seq[me]-back, d.seq[1-me]
	if !flags.Has(packet.ACK) {
		ack = 0
	}
	tcp := make([]byte, 32, 32+len(payload))
	binary.BigEndian.PutUint32(tcp[4:], seq)
	binary.BigEndian.PutUint32(tcp[8:], ack)
	tcp[12], tcp[13] = 8<<4, byte(flags)
	binary.BigEndian.PutUint16(tcp[14:], 512)
	copy(tcp[20:], "\x01\x01\x08\x0a\x00\x00\x00\x01\x00\x00\x00\x01")
	d.ip(client, d.client, d.server, packet.ProtoTCP, append(tcp, payload...))
	if back == 0 {
		d.seq[me] += uint32(len(payload))
		if flags&(packet.SYN|packet.FIN) != 0 {
			d.seq[me]++
		}
	}
}

// ip sends what a header with ports begins.
func (f *traffic) ip(client bool, from, to netip.AddrPort, proto byte, transport []byte) {
	srcMAC, dstMAC, dir := clientMAC, serverMAC, packet.Tx
	if !client {
		from, to, srcMAC, dstMAC, dir = to, from, dstMAC, srcMAC, packet.Rx
	}
	binary.BigEndian.PutUint16(transport, from.Port())
	binary.BigEndian.PutUint16(transport[2:], to.Port())
	frame := append(append(make([]byte, 0, 54+len(transport)), dstMAC[:]...), srcMAC[:]...)
	if from.Addr().Is4() {
		frame = append(frame, 8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, proto, 0, 0)
		binary.BigEndian.PutUint16(frame[16:], uint16(20+len(transport)))
	} else {
		frame = append(frame, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, proto, 64)
		binary.BigEndian.PutUint16(frame[18:], uint16(len(transport)))
	}
	frame = append(append(frame, from.Addr().AsSlice()...), to.Addr().AsSlice()...)
	f.frame(dir, append(frame, transport...))
}

// frame sends a frame 20 µs after the one before.
func (f *traffic) frame(dir packet.Direction, frame []byte) {
	if f.vni != 0 {
		vni := f.vni
		f.vni = 0
		f.encapsulate(dir, vni, frame)
		f.vni = vni
		return
	}
	f.now += 20_000
	f.sent++
	if f.silent {
		dir = packet.Unknown
	}
	err := f.w.Write(&pcap.Record{Time: f.now, Dir: dir, Link: packet.LinkEthernet, Wire: len(frame), Data: frame[:min(len(frame), f.snap)]})
	if err != nil {
		f.t.Fatal(err)
	}
}

// vxlan puts what do sends into a tunnel between the hosts.
func (f *traffic) vxlan(vni uint32, do func()) {
	f.vni = vni
	do()
	f.vni = 0
}

func (f *traffic) encapsulate(dir packet.Direction, vni uint32, frame []byte) {
	header := make([]byte, 16, 16+len(frame))
	binary.BigEndian.PutUint16(header[4:], uint16(16+len(frame)))
	header[8] = 8
	binary.BigEndian.PutUint32(header[12:], vni<<8)
	here, there := netip.MustParseAddrPort("10.0.0.1:33333"), netip.MustParseAddrPort("10.0.0.2:4789")
	if dir == packet.Rx {
		here, there = netip.MustParseAddrPort("10.0.0.1:4789"), netip.MustParseAddrPort("10.0.0.2:33333")
	}
	f.ip(dir == packet.Tx, here, there, packet.ProtoUDP, append(header, frame...))
}

// dns sends a query for an address and its answer.
func (f *traffic) dns(client, server, name string, answer [4]byte) {
	ends := [2]netip.AddrPort{netip.MustParseAddrPort(client), netip.MustParseAddrPort(server)}
	question := []byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(name, ".") {
		question = append(append(question, byte(len(label))), label...)
	}
	question = append(question, 0, 0, 1, 0, 1)
	reply := append([]byte(nil), question...)
	reply[2], reply[7] = 0x81, 1
	reply = append(append(reply, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4), answer[:]...)
	for i, message := range [][]byte{question, reply} {
		udp := make([]byte, 8, 8+len(message))
		binary.BigEndian.PutUint16(udp[4:], uint16(8+len(message)))
		f.ip(i == 0, ends[0], ends[1], packet.ProtoUDP, append(udp, message...))
	}
}

// ping sends an echo request and its reply.
func (f *traffic) ping(client, server string) {
	for i, kind := range []byte{8, 0} {
		icmp := []byte{kind, 0, 0, 0, 0, 77, 0, 1, 'x'}
		from, to := netip.AddrPortFrom(addr(client), uint16(kind)<<8), netip.AddrPortFrom(addr(server), 0)
		if i == 1 {
			from, to = netip.AddrPortFrom(addr(client), 0), netip.AddrPortFrom(addr(server), 0)
		}
		f.ip(i == 0, from, to, packet.ProtoICMP, icmp)
	}
}

func (f *traffic) done() {
	if err := f.w.Flush(); err != nil {
		f.t.Fatal(err)
	}
}
