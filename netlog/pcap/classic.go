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

// nextRecord reads a record of pcap. Nearly always all of it has been read
// ahead.
func (p *Reader) nextRecord(rec *Record) error {
	b := p.ahead()
	if len(b) < recordHeader || len(b)-recordHeader < int(p.order.Uint32(b[8:])) {
		var err error
		if b, err = p.wholeRecord(); err != nil {
			return err
		}
	}
	captured := int(p.order.Uint32(b[8:]))
	size := recordHeader + captured
	rec.Time = int64(p.order.Uint32(b))*1e9 + int64(p.order.Uint32(b[4:]))*p.nanos
	rec.Interface, rec.Dir, rec.Link, rec.Dropped = 0, 0, p.interfaces[0].Link, 0
	rec.Wire = max(int(p.order.Uint32(b[12:])), captured)
	rec.Data = b[recordHeader:size:size]
	p.take(size)
	return nil
}

// wholeRecord reads on until a record is there.
func (p *Reader) wholeRecord() ([]byte, error) {
	if p.atEnd() {
		return nil, io.EOF
	}
	b, err := p.need(recordHeader, "record header")
	if err != nil {
		return nil, err
	}
	captured := p.order.Uint32(b[8:])
	if captured > maxRecord {
		return nil, p.wrong("record of %d bytes, at most %d are possible", captured, maxRecord)
	}
	return p.need(recordHeader+int(captured), "record")
}
