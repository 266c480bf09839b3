package pcap

import (
	"fmt"
	"io"
)

// Magic numbers of pcap, in the byte order of the writer.
const (
	magicMicro = 0xa1b2c3d4
	magicNano  = 0xa1b23c4d

	fileHeader   = 24 // magic, version, two unused, snap length, link type
	recordHeader = 16 // seconds, fraction, captured, length on the wire
)

// header reads the file header of pcap.
func (p *Reader) header(magic []byte) error {
	for _, p.order = range []order{{big: false}, {big: true}} {
		switch p.order.Uint32(magic) {
		case magicMicro:
			p.nanos = 1000
		case magicNano:
			p.nanos = 1
		}
		if p.nanos != 0 {
			break
		}
	}
	if p.nanos == 0 {
		return fmt.Errorf("read capture: %w: begins with % x", ErrFormat, magic)
	}
	b, err := p.need(fileHeader, "file header")
	if err != nil {
		return err
	}
	if major := p.order.Uint16(b[4:]); major != 2 {
		return p.wrong("version %d.%d of pcap, want 2.x", major, p.order.Uint16(b[6:]))
	}
	p.interfaces = []Interface{{Link: linkType(p.order.Uint32(b[20:])), SnapLen: int(p.order.Uint32(b[16:]))}}
	p.take(fileHeader)
	return nil
}

// nextRecord reads a record of pcap.
func (p *Reader) nextRecord(rec *Record) error {
	b, err := p.peek(recordHeader)
	if err != nil {
		if p.atEnd() {
			return io.EOF
		}
		_, err = p.need(recordHeader, "record header")
		return err
	}
	seconds, fraction := p.order.Uint32(b), p.order.Uint32(b[4:])
	captured, wire := p.order.Uint32(b[8:]), p.order.Uint32(b[12:])
	if captured > maxRecord {
		return p.wrong("record of %d bytes, at most %d are possible", captured, maxRecord)
	}
	size := recordHeader + int(captured)
	if b, err = p.need(size, "record"); err != nil {
		return err
	}
	rec.Time = int64(seconds)*1e9 + int64(fraction)*p.nanos
	rec.Interface, rec.Dir, rec.Link, rec.Dropped = 0, 0, p.interfaces[0].Link, 0
	rec.Wire = max(int(wire), int(captured))
	rec.Data = b[recordHeader:size:size]
	p.take(size)
	return nil
}
