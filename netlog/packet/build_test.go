package packet

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// Builders of headers, innermost last: eth(0x0800, ip4(ProtoTCP, tcp(ACK, nil, "abc"))).

func u16(v int) []byte               { return binary.BigEndian.AppendUint16(nil, uint16(v)) }
func u32(v uint32) []byte            { return binary.BigEndian.AppendUint32(nil, v) }
func join(parts ...[]byte) []byte    { return slices.Concat(parts...) }
func addr(s string) []byte           { return netip.MustParseAddr(s).AsSlice() }
func tagged(id int, b []byte) []byte { return join(u16(0x8100), u16(0x2000|id), b) } // with a priority

const (
	macA = "\x02\x00\x00\x00\x00\x0a"
	macB = "\x02\x00\x00\x00\x00\x0b"
	macC = "\x02\x00\x00\x00\x00\x0c"
	macD = "\x02\x00\x00\x00\x00\x0d"

	a4, b4, c4, d4 = "10.0.0.1", "10.0.0.2", "192.168.7.1", "192.168.7.2"
	a6, b6         = "fd00::1", "fd00:0:0:1::2"
)

// eth is from macA to macB.
func eth(kind int, b []byte) []byte { return join([]byte(macB+macA), u16(kind), b) }

// inner is a frame inside of a tunnel, from macC to macD.
func inner(kind int, b []byte) []byte { return join([]byte(macD+macC), u16(kind), b) }

// header4 is an IPv4 packet with any part of its header.
func header4(src, dst string, proto, fragment int, options string, b []byte) []byte {
	words := 5 + len(options)/4
	return join([]byte{byte(0x40 | words), 0}, u16(words*4+len(b)), u16(7), u16(fragment), []byte{64, byte(proto), 0, 0},
		addr(src), addr(dst), []byte(options), b)
}

// ip4 is from a4 to b4.
func ip4(proto int, b []byte) []byte { return header4(a4, b4, proto, 0x4000, "", b) }

// ip6 is from a6 to b6.
func ip6(next int, b []byte) []byte {
	return join([]byte{0x60, 0, 0, 0}, u16(len(b)), []byte{byte(next), 64}, addr(a6), addr(b6), b)
}

// ext is an extension header of eight bytes and more.
func ext(next, words int, b []byte) []byte {
	pad := 8*(words+1) - 4 // a PadN option over the rest
	return join([]byte{byte(next), byte(words), 1, byte(pad)}, make([]byte, pad), b)
}

// routing is a routing header of a type that nobody knows, with nothing left.
func routing(next int, b []byte) []byte {
	return join([]byte{byte(next), 0, 253, 0, 0, 0, 0, 0}, b)
}

// authentication is an AH of 24 bytes.
func authentication(next int, b []byte) []byte {
	return join([]byte{byte(next), 4, 0, 0}, make([]byte, 20), b)
}

func fragment6(next, field int, b []byte) []byte {
	return join([]byte{byte(next), 0}, u16(field), u32(99), b)
}

// tcp is from port 40000 to 80.
func tcp(flags Flags, options string, payload string) []byte {
	return join(u16(40000), u16(80), u32(0xfffffff0), u32(2000), []byte{byte((5 + len(options)/4) << 4), byte(flags)},
		u16(512), u16(0), u16(0), []byte(options), []byte(payload))
}

// udp is from port 53000.
func udp(to int, b []byte) []byte { return join(u16(53000), u16(to), u16(8+len(b)), u16(0), b) }

func icmp(kind, code int, payload string) []byte {
	return join([]byte{byte(kind), byte(code), 0, 0}, u16(17), u16(3), []byte(payload))
}

func vxlan(vni uint32, b []byte) []byte { return join(u32(0x08000000), u32(vni<<8), b) }

func geneve(kind int, vni uint32, options string, b []byte) []byte {
	return join([]byte{byte(len(options) / 4), 0}, u16(kind), u32(vni<<8), []byte(options), b)
}

// gre has the options that the flags say.
func gre(flags, kind int, options, b []byte) []byte { return join(u16(flags), u16(kind), options, b) }

// cooked is SLL, from macA.
func cooked(packetType, kind int, b []byte) []byte {
	return join(u16(packetType), u16(1), u16(6), []byte(macA), u16(0), u16(kind), b)
}

func cooked2(packetType, kind int, b []byte) []byte {
	return join(u16(kind), u16(0), u32(2), u16(1), []byte{byte(packetType), 6}, []byte(macA), u16(0), b)
}
