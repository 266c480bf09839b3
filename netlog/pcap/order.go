package pcap

import (
	"encoding/binary"
	"math/bits"
)

// order is the byte order of a file or section. Unlike binary.ByteOrder it is
// inlined, and records have many numbers.
type order struct{ big bool }

func (o order) Uint16(b []byte) uint16 {
	v := binary.LittleEndian.Uint16(b)
	if o.big {
		v = bits.ReverseBytes16(v)
	}
	return v
}

func (o order) Uint32(b []byte) uint32 {
	v := binary.LittleEndian.Uint32(b)
	if o.big {
		v = bits.ReverseBytes32(v)
	}
	return v
}

func (o order) Uint64(b []byte) uint64 {
	v := binary.LittleEndian.Uint64(b)
	if o.big {
		v = bits.ReverseBytes64(v)
	}
	return v
}
