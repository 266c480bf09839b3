package pcap

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"datakit.dev/agent/netlog/packet"
)

// Writer writes a pcapng file with times in nanoseconds. It belongs to one
// goroutine. After an error every call returns it.
type Writer struct {
	w          *bufio.Writer
	interfaces int
	block      []byte // reused
}

// NewWriter begins a file. application names the writer in it.
func NewWriter(w io.Writer, application string) (*Writer, error) {
	p := &Writer{w: bufio.NewWriterSize(w, bufferSize)}
	p.begin(blockSection)
	p.u32(magicOrder)
	p.u16(1) // version 1.0
	p.u16(0)
	p.u64(^uint64(0)) // length of the section: not said
	const userApplication = 4
	p.option(userApplication, []byte(application))
	return p, p.end(true)
}

// AddInterface describes an interface and returns the index that its records
// carry.
func (p *Writer) AddInterface(i Interface) (int, error) {
	p.begin(blockInterface)
	p.u16(uint16(i.Link))
	p.u16(0)
	p.u32(uint32(i.SnapLen))
	const name, resolution = 2, 9
	if i.Name != "" {
		p.option(name, []byte(i.Name))
	}
	p.option(resolution, []byte{9}) // 10^-9 s
	p.interfaces++
	return p.interfaces - 1, p.end(true)
}

// Write writes a record. Its link type is that of its interface.
func (p *Writer) Write(rec *Record) error {
	if rec.Interface < 0 || rec.Interface >= p.interfaces {
		return fmt.Errorf("write capture: interface %d is not described", rec.Interface)
	}
	if len(rec.Data) > maxRecord/2 {
		return fmt.Errorf("write capture: frame of %d bytes", len(rec.Data))
	}
	p.begin(blockEnhanced)
	p.u32(uint32(rec.Interface))
	p.u32(uint32(uint64(rec.Time) >> 32))
	p.u32(uint32(rec.Time))
	p.u32(uint32(len(rec.Data)))
	p.u32(uint32(max(rec.Wire, len(rec.Data))))
	p.padded(rec.Data)
	const flags, dropCount = 2, 4
	some := false
	if rec.Dir != packet.Unknown {
		p.optionHeader(flags, 4)
		p.u32(directionFlag(rec.Dir))
		some = true
	}
	if rec.Dropped != 0 {
		p.optionHeader(dropCount, 8)
		p.u64(rec.Dropped)
		some = true
	}
	return p.end(some)
}

// Statistics writes the counters of an interface as of a time. Readers take
// the last ones.
func (p *Writer) Statistics(index int, time int64, received, dropped uint64) error {
	if index < 0 || index >= p.interfaces {
		return fmt.Errorf("write capture: interface %d is not described", index)
	}
	p.begin(blockStatistics)
	p.u32(uint32(index))
	p.u32(uint32(uint64(time) >> 32))
	p.u32(uint32(time))
	const ifReceived, ifDropped = 4, 5
	p.optionHeader(ifReceived, 8)
	p.u64(received)
	p.optionHeader(ifDropped, 8)
	p.u64(dropped)
	return p.end(true)
}

// Flush writes out what is buffered.
func (p *Writer) Flush() error {
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("write capture: %w", err)
	}
	return nil
}

func (p *Writer) u16(v uint16) { p.block = binary.LittleEndian.AppendUint16(p.block, v) }
func (p *Writer) u32(v uint32) { p.block = binary.LittleEndian.AppendUint32(p.block, v) }
func (p *Writer) u64(v uint64) { p.block = binary.LittleEndian.AppendUint64(p.block, v) }

// padded appends b and zeros up to a multiple of 4.
func (p *Writer) padded(b []byte) {
	p.block = append(p.block, b...)
	p.block = append(p.block, "\x00\x00\x00"[:-len(b)&3]...)
}

func (p *Writer) optionHeader(code uint16, size int) {
	p.u16(code)
	p.u16(uint16(size))
}

// option appends an option, cut to what its length can say.
func (p *Writer) option(code uint16, value []byte) {
	const longest = 1 << 15
	value = value[:min(len(value), longest)]
	p.optionHeader(code, len(value))
	p.padded(value)
}

func (p *Writer) begin(kind uint32) {
	p.block = p.block[:0]
	p.u32(kind)
	p.u32(0) // the length, once known
}

// end closes the block, and its options when it has some, and writes it.
func (p *Writer) end(options bool) error {
	if options {
		p.u32(0) // opt_endofopt
	}
	size := uint32(len(p.block) + blockTrailer)
	binary.LittleEndian.PutUint32(p.block[4:], size)
	p.u32(size)
	if _, err := p.w.Write(p.block); err != nil {
		return fmt.Errorf("write capture: %w", err)
	}
	return nil
}

func directionFlag(d packet.Direction) uint32 {
	if d == packet.Tx {
		return 2
	}
	return 1
}
