package pcap

import (
	"encoding/binary"
	"slices"
)

// maker builds capture files byte by byte, in either byte order.
type maker struct{ binary.AppendByteOrder }

var (
	little = maker{binary.LittleEndian}
	big    = maker{binary.BigEndian}
)

func (m maker) u16(v int) []byte    { return m.AppendUint16(nil, uint16(v)) }
func (m maker) u32(v uint32) []byte { return m.AppendUint32(nil, v) }
func (m maker) u64(v uint64) []byte { return m.AppendUint64(nil, v) }

// pcap is a file header of version 2.4.
func (m maker) pcap(magic, snap, link uint32, records ...[]byte) []byte {
	return join(m.u32(magic), m.u16(2), m.u16(4), m.u32(0), m.u32(0), m.u32(snap), m.u32(link), join(records...))
}

func (m maker) record(seconds, fraction uint32, wire int, data string) []byte {
	return join(m.u32(seconds), m.u32(fraction), m.u32(uint32(len(data))), m.u32(uint32(wire)), []byte(data))
}

func (m maker) block(kind uint32, body ...[]byte) []byte {
	b := join(body...)
	b = join(b, make([]byte, -len(b)&3))
	return join(m.u32(kind), m.u32(uint32(len(b)+12)), b, m.u32(uint32(len(b)+12)))
}

func (m maker) section(options ...[]byte) []byte {
	return m.block(blockSection, m.u32(magicOrder), m.u16(1), m.u16(0), m.u64(^uint64(0)), join(options...))
}

func (m maker) option(code int, value []byte) []byte {
	return join(m.u16(code), m.u16(len(value)), value, make([]byte, -len(value)&3))
}

func (m maker) iface(link, snap int, options ...[]byte) []byte {
	return m.block(blockInterface, m.u16(link), m.u16(0), m.u32(uint32(snap)), join(options...))
}

func (m maker) packet(id uint32, units uint64, wire int, data string, options ...[]byte) []byte {
	return m.block(blockEnhanced, m.u32(id), m.u32(uint32(units>>32)), m.u32(uint32(units)), m.u32(uint32(len(data))), m.u32(uint32(wire)),
		[]byte(data), make([]byte, -len(data)&3), join(options...))
}

func join(parts ...[]byte) []byte { return slices.Concat(parts...) }
