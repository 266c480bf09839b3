package pcap

import (
	"encoding/binary"
	"io"

	"datakit.dev/agent/netlog/packet"
)

// Block types of pcapng.
const (
	blockSection    = 0x0a0d0d0a
	blockInterface  = 1
	blockPacket     = 2 // obsolete
	blockSimple     = 3
	blockStatistics = 5
	blockEnhanced   = 6

	magicOrder = 0x1a2b3c4d

	blockHeader  = 8  // type, total length
	blockTrailer = 4  // total length again
	minBlock     = 12 // both
)

// maxInterfaces bounds the interfaces of a file.
const maxInterfaces = 1 << 16

// section reads a section header block: byte order, version. The interfaces
// of a section are its own.
func (p *Reader) section() error {
	const size = 28 // type, length, byte order, version, section length, length
	b, err := p.need(size, "section header")
	if err != nil {
		return err
	}
	switch {
	case binary.LittleEndian.Uint32(b[8:]) == magicOrder:
		p.order = order{}
	case binary.BigEndian.Uint32(b[8:]) == magicOrder:
		p.order = order{big: true}
	default:
		return p.wrong("byte order magic is % x", b[8:12])
	}
	if major := p.order.Uint16(b[12:]); major != 1 {
		return p.wrong("version %d.%d of pcapng, want 1.x", major, p.order.Uint16(b[14:]))
	}
	b, err = p.block(b)
	if err != nil {
		return err
	}
	p.base = len(p.interfaces)
	p.take(len(b))
	return nil
}

// block returns the whole block that begins with head, after checking both
// its lengths.
func (p *Reader) block(head []byte) ([]byte, error) {
	size := p.order.Uint32(head[4:])
	if size < minBlock || size%4 != 0 || size > maxRecord {
		return nil, p.wrong("block of %d bytes; allowed are multiples of 4 from %d to %d", size, minBlock, maxRecord)
	}
	b, err := p.need(int(size), "block")
	if err != nil {
		return nil, err
	}
	if end := p.order.Uint32(b[size-blockTrailer:]); end != size {
		return nil, p.wrong("block of %d bytes ends as one of %d", size, end)
	}
	return b, nil
}

// blockAhead returns the next block if all of it has been read ahead and
// nothing is wrong with it. A section header is looked at more closely.
func (p *Reader) blockAhead() ([]byte, bool) {
	b := p.ahead()
	if len(b) < minBlock {
		return nil, false
	}
	size := p.order.Uint32(b[4:])
	if size < minBlock || size%4 != 0 || uint64(size) > uint64(len(b)) || p.order.Uint32(b[size-blockTrailer:]) != size {
		return nil, false
	}
	return b[:size], p.order.Uint32(b) != blockSection
}

// nextBlock reads blocks of pcapng up to the next packet. Nearly always all
// of a block has been read ahead.
func (p *Reader) nextBlock(rec *Record) error {
	for {
		b, ok := p.blockAhead()
		if !ok {
			if p.atEnd() {
				return io.EOF
			}
			head, err := p.need(blockHeader, "block header")
			if err != nil {
				return err
			}
			if p.order.Uint32(head) == blockSection { // the same in both byte orders
				if err := p.section(); err != nil {
					return err
				}
				continue
			}
			if b, err = p.block(head); err != nil {
				return err
			}
		}
		var err error
		body, found := b[blockHeader:len(b)-blockTrailer], false
		switch p.order.Uint32(b) {
		case blockEnhanced:
			err, found = p.enhanced(body, rec), true
		case blockSimple:
			err, found = p.simple(body, rec), true
		case blockPacket:
			err, found = p.obsolete(body, rec), true
		case blockInterface:
			err = p.describe(body)
		case blockStatistics:
			err = p.statistics(body)
		}
		if err != nil {
			return err
		}
		p.take(len(b))
		if found {
			return nil
		}
	}
}

// enhanced reads interface, time in two halves, both lengths, data, options.
func (p *Reader) enhanced(b []byte, rec *Record) error {
	const header = 20
	if len(b) < header {
		return p.wrong("packet block without its header")
	}
	rec.Dir, rec.Dropped = packet.Unknown, 0
	options, err := p.packet(b[4:], header-4, p.order.Uint32(b), rec)
	if err != nil || len(options) == 0 {
		return err
	}
	const flags, dropCount = 2, 4
	for len(options) > 0 {
		code, value, rest, err := p.option(options)
		if err != nil {
			return err
		}
		switch {
		case code == flags && len(value) >= 4:
			rec.Dir = flagDirection(p.order.Uint32(value))
		case code == dropCount && len(value) >= 8:
			rec.Dropped = p.order.Uint64(value)
		}
		options = rest
	}
	return nil
}

// obsolete reads what enhanced packet blocks replaced: 16 bits each for the
// interface and the frames dropped.
func (p *Reader) obsolete(b []byte, rec *Record) error {
	const header = 20
	if len(b) < header {
		return p.wrong("packet block without its header")
	}
	rec.Dir, rec.Dropped = packet.Unknown, 0
	if drops := p.order.Uint16(b[2:]); drops != 0xffff { // unknown
		rec.Dropped = uint64(drops)
	}
	_, err := p.packet(b[4:], header-4, uint32(p.order.Uint16(b)), rec)
	return err
}

// packet reads time, lengths and data, and returns the options behind.
func (p *Reader) packet(b []byte, header int, id uint32, rec *Record) ([]byte, error) {
	if uint64(id) >= uint64(len(p.interfaces)-p.base) {
		return nil, p.wrong("packet of interface %d; the section has described %d", id, len(p.interfaces)-p.base)
	}
	rec.Interface = p.base + int(id)
	captured, wire := p.order.Uint32(b[8:]), p.order.Uint32(b[12:])
	if uint64(captured) > uint64(len(b)-header) {
		return nil, p.wrong("packet of %d bytes in a block with room for %d", captured, len(b)-header)
	}
	end := header + int(captured)
	rec.Time = p.ng[rec.Interface].nanoseconds(uint64(p.order.Uint32(b))<<32 | uint64(p.order.Uint32(b[4:])))
	rec.Link = p.interfaces[rec.Interface].Link
	rec.Wire = max(int(wire), int(captured))
	rec.Data = b[header:end:end]
	return b[min((end+3)&^3, len(b)):], nil
}

// simple reads a length and data: interface 0, no time.
func (p *Reader) simple(b []byte, rec *Record) error {
	if len(b) < 4 {
		return p.wrong("simple packet block without its length")
	}
	if len(p.interfaces) == p.base {
		return p.wrong("simple packet block before any interface")
	}
	i := p.interfaces[p.base]
	wire := p.order.Uint32(b)
	captured := min(len(b)-4, int(wire))
	if i.SnapLen > 0 {
		captured = min(captured, i.SnapLen)
	}
	*rec = Record{Interface: p.base, Link: i.Link, Wire: int(wire), Data: b[4 : 4+captured : 4+captured]}
	return nil
}

func flagDirection(flags uint32) packet.Direction {
	switch flags & 3 {
	case 1:
		return packet.Rx
	case 2:
		return packet.Tx
	default:
		return packet.Unknown
	}
}
