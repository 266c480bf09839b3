package pcap

import (
	"math/bits"

	"datakit.dev/agent/netlog/packet"
)

// option reads the first of some options: code, length, value padded to 32
// bits. The rest is empty behind the last.
func (p *Reader) option(b []byte) (code uint16, value, rest []byte, err error) {
	const header, end = 4, 0
	if len(b) < header {
		return end, nil, nil, nil
	}
	code, size := p.order.Uint16(b), int(p.order.Uint16(b[2:]))
	if code == end {
		return end, nil, nil, nil
	}
	if size > len(b)-header {
		return 0, nil, nil, p.wrong("option %d of %d bytes, %d are left", code, size, len(b)-header)
	}
	return code, b[header : header+size], b[min(header+(size+3)&^3, len(b)):], nil
}

// options calls do for each option.
func (p *Reader) options(b []byte, do func(code uint16, value []byte)) error {
	for len(b) > 0 {
		code, value, rest, err := p.option(b)
		if err != nil {
			return err
		}
		do(code, value)
		b = rest
	}
	return nil
}

// describe reads an interface description block: link type, snap length,
// options.
func (p *Reader) describe(b []byte) error {
	const header = 8
	if len(b) < header {
		return p.wrong("interface block without its header")
	}
	if len(p.interfaces) == maxInterfaces {
		return p.wrong("more than %d interfaces", maxInterfaces)
	}
	i := Interface{Link: packet.LinkType(p.order.Uint16(b)), SnapLen: int(p.order.Uint32(b[4:]))}
	c := clock{resolution: 6}
	const name, resolution, offset = 2, 9, 14
	err := p.options(b[header:], func(code uint16, value []byte) {
		switch {
		case code == name:
			i.Name = string(value)
		case code == resolution && len(value) >= 1:
			c.resolution = value[0]
		case code == offset && len(value) >= 8:
			c.offset = int64(p.order.Uint64(value))
		}
	})
	if err != nil {
		return err
	}
	c.prepare()
	p.interfaces, p.ng = append(p.interfaces, i), append(p.ng, c)
	return nil
}

// statistics reads the counters of an interface: id, time, options.
func (p *Reader) statistics(b []byte) error {
	const header = 12
	if len(b) < header {
		return p.wrong("statistics block without its header")
	}
	id := p.order.Uint32(b)
	if uint64(id) >= uint64(len(p.interfaces)-p.base) {
		return p.wrong("statistics of interface %d; the section has described %d", id, len(p.interfaces)-p.base)
	}
	i := &p.interfaces[p.base+int(id)]
	const received, dropped = 4, 5
	return p.options(b[header:], func(code uint16, value []byte) {
		switch {
		case code == received && len(value) >= 8:
			i.Received = p.order.Uint64(value)
		case code == dropped && len(value) >= 8:
			i.Dropped = p.order.Uint64(value)
		}
	})
}

// clock turns the units of an interface into nanoseconds since 1970.
type clock struct {
	resolution uint8 // if_tsresol: negative power of 10, or of 2 with the top bit
	offset     int64 // if_tsoffset: seconds

	times, over uint64 // units × times ÷ over, for powers of 10
}

func (c *clock) prepare() {
	c.times, c.over = 1, 1
	if c.resolution&0x80 != 0 {
		return
	}
	for n := c.resolution; n < 9; n++ {
		c.times *= 10
	}
	for n := min(c.resolution, 9+19); n > 9; n-- { // 10^19 is the last that fits; finer units are nonsense
		c.over *= 10
	}
}

func (c *clock) nanoseconds(units uint64) int64 {
	if c.resolution&0x80 != 0 {
		return c.binary(units) + c.offset*1e9
	}
	if c.over != 1 {
		units /= c.over
	}
	return int64(units*c.times) + c.offset*1e9
}

// binary converts units of 2^-n seconds.
func (c *clock) binary(units uint64) int64 {
	n := uint(c.resolution & 0x7f)
	if n >= 64 {
		return 0
	}
	seconds, rest := units>>n, units&(1<<n-1)
	high, low := bits.Mul64(rest, 1e9)
	return int64(seconds)*1e9 + int64(high<<(64-n)|low>>n)
}
