package pcap

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"datakit.dev/agent/netlog/packet"
)

// Reader reads the records of a capture file in order. It belongs to one
// goroutine.
type Reader struct {
	buffer
	order      order
	interfaces []Interface

	next func(*Record) error // of the format

	nanos  int64 // pcap: nanoseconds of one unit of the fraction
	ng     []clock
	base   int   // pcapng: first interface of the section
	failed error // what ended the file; says it again
}

// NewReader reads the beginning of a capture file, which may be compressed by
// gzip. What it returns reads r until io.EOF; it does not close r.
func NewReader(r io.Reader) (*Reader, error) {
	p := &Reader{buffer: newBuffer(r)}
	magic, err := p.magic()
	if err == nil && binary.BigEndian.Uint16(magic) == magicGzip {
		if err = p.unzip(); err == nil {
			magic, err = p.magic()
		}
	}
	if err != nil {
		return nil, err
	}
	if binary.BigEndian.Uint32(magic) == blockSection {
		p.next, err = p.nextBlock, p.section()
	} else {
		p.next, err = p.nextRecord, p.header(magic)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// magicGzip begins what gzip made (RFC 1952).
const magicGzip = 0x1f8b

// unzip begins again with what is in the compressed file. Offsets are then
// of what is in it.
func (p *Reader) unzip() error {
	z, err := gzip.NewReader(io.MultiReader(bytes.NewReader(p.ahead()), p.r))
	if err != nil {
		return fmt.Errorf("read capture: %w", err)
	}
	p.buffer = newBuffer(z)
	return nil
}

// magic returns the first four bytes.
func (p *Reader) magic() ([]byte, error) {
	magic, err := p.peek(4)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("read capture: %w", err)
	}
	if len(magic) < 4 {
		return nil, fmt.Errorf("read capture: %w: only %d bytes", ErrFormat, len(magic))
	}
	return magic, nil
}

// Next reads the next record. It returns io.EOF at the end of the file and an
// *Error where the file is damaged or cut.
func (p *Reader) Next(rec *Record) error {
	if p.failed != nil {
		return p.failed
	}
	err := p.next(rec)
	if err != nil {
		p.failed = err
	}
	return err
}

// Offset is the position in the file of what Next will read.
func (p *Reader) Offset() int64 { return p.offset }

// Interfaces lists the interfaces seen so far; a pcapng file may add some at
// any time.
func (p *Reader) Interfaces() []Interface { return p.interfaces }

// need returns the next n bytes, or an error about what they should be.
func (p *Reader) need(n int, what string) ([]byte, error) {
	b, err := p.peek(n)
	switch {
	case err == nil:
		return b, nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return nil, &Error{Offset: p.offset, What: what + " is cut", Err: io.ErrUnexpectedEOF}
	default:
		return nil, fmt.Errorf("read capture at byte %d: %w", p.offset, err)
	}
}

func (p *Reader) wrong(format string, args ...any) error {
	return &Error{Offset: p.offset, What: fmt.Sprintf(format, args...)}
}

// atEnd reports whether the file ends here, between two records.
func (p *Reader) atEnd() bool {
	b, err := p.peek(1)
	return len(b) == 0 && errors.Is(err, io.EOF)
}

// linkMask takes the flags about checksums out of a link type.
const linkMask = 0xffff

func linkType(v uint32) packet.LinkType { return packet.LinkType(v & linkMask) }
