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
	carrier  bool // is GRE or IP in IP, not within another tunnel
	manyTags bool // more than are decoded, at one place
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
	if ethernet {
		f.tagged = g.IntN(4) == 0
		f.tci = uint16(g.one(0, 100, 200)) | uint16(g.IntN(16))<<12
		f.data = g.ethernet(&f)
	} else {
		f.data = g.ip(g.IntN(2) == 0, &f)
	}
	if g.IntN(30) == 0 {
		f.data = f.data[:g.IntN(len(f.data))]
		f.cut = true
	}
	return f
}

func (g frames) ethernet(f *frame) []byte {
	b := []byte{2, 0, 0, 0, 0, g.one(1, 2, 3), 2, 0, 0, 0, 0, g.one(1, 2, 3)}
	tags := [...]int{0, 0, 0, 1, 2, 3}[g.IntN(6)]
	for range tags {
		b = binary.BigEndian.AppendUint16(b, [...]uint16{etherVLAN, etherQinQ, etherOld}[g.IntN(3)])
		b = append(b, g.one(0, 0x20, 0xe0), g.one(0, 100, 200))
	}
	f.manyTags = f.manyTags || tags > maxTags
	v6 := g.IntN(2) == 0
	kind := uint16(etherIPv4)
	if v6 {
		kind = etherIPv6
	}
	if g.IntN(30) == 0 {
		kind = [...]uint16{0x0806, 0x88cc, 46}[g.IntN(3)]
	}
	return append(binary.BigEndian.AppendUint16(b, kind), g.ip(v6, f)...)
}

func (g frames) ip(v6 bool, f *frame) []byte {
	if v6 {
		return g.ipv6(nil, f)
	}
	return g.ipv4(nil, f)
}

func (g frames) ipv4(b []byte, f *frame) []byte {
	options := [...]int{0, 0, 0, 4, 40}[g.IntN(5)]
	proto := g.one(protoTCP, protoTCP, protoUDP, protoUDP, protoICMP, 132, protoICMPv6)
	if g.IntN(12) == 0 {
		proto = g.one(4, 41, 47)
	}
	body := g.transport(proto, f)
	start := len(b)
	b = append(b, 0x40|byte(5+options/4), 0)
	total := ipv4Header + options + len(body)
	if g.IntN(10) == 0 {
		total = [...]int{0, ipv4Header + options + g.IntN(45), 2000}[g.IntN(3)]
	}
	b = binary.BigEndian.AppendUint16(b, uint16(total))
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
	if g.IntN(12) == 0 {
		proto = g.one(4, 41, 47)
	}
	next, extension := proto, []byte(nil)
	if g.IntN(5) == 0 {
		f.extended = true
		next = g.one(0, 43, 60, 44)
		extension = []byte{proto, 0, 0, g.one(0, 0, 8), 0, 0, 0, 0}
	}
	body := g.transport(proto, f)
	b = append(b, 0x60, 0, 0, 0)
	length := len(extension) + len(body)
	if g.IntN(10) == 0 {
		length = [...]int{0, g.IntN(45), 2000}[g.IntN(3)]
	}
	b = binary.BigEndian.AppendUint16(b, uint16(length))
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
		var body []byte
		if g.IntN(3) == 0 {
			to = uint16(tunnels()[g.IntN(3)])
			if !f.tunnel { // tunnels in tunnels are plain
				f.tunnel = true
				body = g.tunnel(to, f)
			}
		}
		b = binary.BigEndian.AppendUint16(b, g.port())
		b = binary.BigEndian.AppendUint16(b, to)
		length := 8 + len(body)
		if g.IntN(8) == 0 {
			length = [...]int{0, 8, 29, 30, 31, length - 1, 2000}[g.IntN(7)]
		}
		b = binary.BigEndian.AppendUint16(b, uint16(length))
		b = append(append(b, 0, 0), body...)
	case protoIPv4InIP, protoIPv6InIP, protoGRE:
		if f.tunnel {
			b = make([]byte, 8) // tunnels in tunnels are not looked into
			break
		}
		f.tunnel, f.carrier = true, true
		if proto == protoGRE {
			kind := [...]uint16{etherTEB, etherIPv4, etherIPv6, 0x88be}[g.IntN(4)]
			b = binary.BigEndian.AppendUint16([]byte{g.one(0, 0, 0x40), g.one(0, 0, 1)}, kind)
			if kind == etherTEB {
				return append(b, g.ethernet(f)...)
			}
			return append(b, g.ip(kind == etherIPv6, f)...)
		}
		return g.ip(proto == protoIPv6InIP, f)
	default:
		b = append(b, 8, 0, 0, 0, 0, 1, 0, 1)
	}
	for range g.IntN(8) {
		b = append(b, 0)
	}
	return b
}

// tunnel makes what a datagram for a port of VXLAN or Geneve holds.
func (g frames) tunnel(port uint16, f *frame) []byte {
	if port != portGeneve {
		return append([]byte{g.one(8, 8, 8, 8, 0, 0xff), 0, 0, 0, 0, 0, g.one(0, 100, 200), 0}, g.ethernet(f)...)
	}
	kind := [...]uint16{etherTEB, etherTEB, etherIPv4, etherIPv6, 0x0806}[g.IntN(5)]
	options := g.one(0, 0, 1, 3)
	b := []byte{options | g.one(0, 0, 0, 0, 0x40), g.one(0, 0, 0, 0, 0x80, 0x40)}
	b = binary.BigEndian.AppendUint16(b, kind)
	b = append(b, 0, 0, g.one(0, 100, 200), 0)
	b = append(b, make([]byte, 4*int(options))...)
	if kind == etherTEB {
		return append(b, g.ethernet(f)...)
	}
	return append(b, g.ip(kind == etherIPv6, f)...)
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
