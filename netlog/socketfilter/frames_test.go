package socketfilter

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"

	"datakit.dev/agent/filter"
	"datakit.dev/agent/netlog/packet"
)

// frame is a frame as AF_PACKET has it, and what goes with it.
type frame struct {
	data     []byte
	outgoing bool
	tagged   bool // the kernel took a tag off
	tci      uint16

	extended bool // has IPv6 extension headers
	tunnel   bool // is for a port of a tunnel
	cut      bool // ends early
}

// frames makes random frames, of few values so that rules match.
type frames struct{ *rand.Rand }

func (g frames) one(of ...byte) byte { return of[g.IntN(len(of))] }

func (g frames) port() uint16 {
	return [...]uint16{0, 53, 80, 443, 1023, 40000, 65535}[g.IntN(7)]
}

// next makes a frame; ethernet is whether it begins with such a header.
func (g frames) next(ethernet bool) frame {
	f := frame{outgoing: g.IntN(2) == 0}
	b := []byte{}
	v6 := g.IntN(2) == 0
	if ethernet {
		b = append(b, 2, 0, 0, 0, 0, g.one(1, 2, 3), 2, 0, 0, 0, 0, g.one(1, 2, 3))
		f.tagged = g.IntN(4) == 0
		f.tci = uint16(g.one(0, 100, 200)) | uint16(g.IntN(16))<<12
		for range [...]int{0, 0, 0, 1, 2, 3}[g.IntN(6)] {
			b = binary.BigEndian.AppendUint16(b, [...]uint16{etherVLAN, etherQinQ, etherOld}[g.IntN(3)])
			b = append(b, g.one(0, 0x20, 0xe0), g.one(0, 100, 200))
		}
		kind := uint16(etherIPv4)
		if v6 {
			kind = etherIPv6
		}
		if g.IntN(30) == 0 {
			kind = [...]uint16{0x0806, 0x88cc, 46}[g.IntN(3)]
		}
		b = binary.BigEndian.AppendUint16(b, kind)
	}
	if v6 {
		b = g.ipv6(b, &f)
	} else {
		b = g.ipv4(b, &f)
	}
	if g.IntN(30) == 0 {
		b = b[:g.IntN(len(b))]
		f.cut = true
	}
	f.data = b
	return f
}

func (g frames) ipv4(b []byte, f *frame) []byte {
	options := [...]int{0, 0, 0, 4, 40}[g.IntN(5)]
	proto := g.one(protoTCP, protoTCP, protoUDP, protoUDP, protoICMP, 132, protoICMPv6)
	body := g.transport(proto, f)
	start := len(b)
	b = append(b, 0x40|byte(5+options/4), 0)
	b = binary.BigEndian.AppendUint16(b, uint16(ipv4Header+options+len(body)))
	fragment := [...]uint16{0, 0, 0, 0x4000, 0x2000, 0x2001, 0x00b9, 0x1000}[g.IntN(8)]
	b = append(b, 0, 0)
	b = binary.BigEndian.AppendUint16(b, fragment)
	b = append(b, 64, proto, 0, 0)
	b = append(b, 10, 0, 0, g.one(1, 2, 3), [...]byte{10, 192}[g.IntN(2)], 0, g.one(0, 2), g.one(1, 2, 3))
	for range options {
		b = append(b, 1)
	}
	if g.IntN(50) == 0 {
		b[start] = g.one(0x45, 0x44, 0x55, 0x4f)
	}
	return append(b, body...)
}

func (g frames) ipv6(b []byte, f *frame) []byte {
	proto := g.one(protoTCP, protoTCP, protoUDP, protoUDP, protoICMPv6, 132, protoICMP)
	next, extension := proto, []byte(nil)
	if g.IntN(5) == 0 {
		f.extended = true
		next = g.one(0, 43, 60, 44)
		extension = []byte{proto, 0, 0, g.one(0, 0, 8), 0, 0, 0, 0}
	}
	body := g.transport(proto, f)
	b = append(b, 0x60, 0, 0, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(len(extension)+len(body)))
	b = append(b, next, 64)
	for range 2 {
		a := netip.MustParseAddr([...]string{"2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "::1", "::ffff:10.0.0.1", "fe80::1", "::"}[g.IntN(7)])
		b = append(b, a.AsSlice()...)
	}
	return append(append(b, extension...), body...)
}

func (g frames) transport(proto byte, f *frame) []byte {
	var b []byte
	switch proto {
	case protoTCP:
		b = binary.BigEndian.AppendUint16(b, g.port())
		b = binary.BigEndian.AppendUint16(b, g.port())
		b = append(b, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 1, 0, 0, 0, 0, 0)
	case protoUDP:
		to := g.port()
		if g.IntN(10) == 0 {
			to = uint16(tunnels()[g.IntN(3)])
			f.tunnel = true
		}
		b = binary.BigEndian.AppendUint16(b, g.port())
		b = binary.BigEndian.AppendUint16(b, to)
		b = append(b, 0, 0, 0, 0)
		if f.tunnel {
			b = append(b, 0x08, 0, 0, 0, 0, 0, 100, 0, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0)
			inner := g.ipv4(nil, &frame{})
			b = append(b, inner...)
		}
	default:
		b = append(b, 8, 0, 0, 0, 0, 1, 0, 1)
	}
	for range g.IntN(8) {
		b = append(b, 0)
	}
	return b
}

// seen is what user space makes of a frame, the tag put back. It is not ok
// when the frame is refused.
func (f *frame) seen(link packet.LinkType) (p filter.Packet, ok bool) {
	data := f.data
	if f.tagged && link == packet.LinkEthernet && len(data) >= 12 {
		data = append([]byte{}, f.data[:12]...)
		data = binary.BigEndian.AppendUint16(data, etherVLAN)
		data = binary.BigEndian.AppendUint16(data, f.tci)
		data = append(data, f.data[12:]...)
	}
	var decoder packet.Decoder
	d := packet.Packet{Dir: packet.Rx}
	if f.outgoing {
		d.Dir = packet.Tx
	}
	err := decoder.Decode(data, len(data), link, &d)
	return view(&d), err == nil
}

// view is what rules see of a packet: the source is the interface's side.
func view(d *packet.Packet) (p filter.Packet) {
	p.NIC = "eth0"
	p.Set(filter.Proto, uint64(d.Proto))
	p.Set(filter.VLAN, uint64(d.VLAN[0]))
	p.Set(filter.InnerVLAN, uint64(d.VLAN[1]))
	p.Set(filter.Tunnel, uint64(d.Tunnel))
	p.Set(filter.VNI, uint64(d.VNI))
	if d.Dir == packet.Tx {
		p.SetAddrs(d.Src, d.Dst)
		p.SetPorts(d.SrcPort, d.DstPort)
		p.SetMACs(d.SrcMAC, d.DstMAC)
	} else {
		p.SetAddrs(d.Dst, d.Src)
		p.SetPorts(d.DstPort, d.SrcPort)
		p.SetMACs(d.DstMAC, d.SrcMAC)
	}
	return p
}
