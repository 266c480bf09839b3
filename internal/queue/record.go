package queue

import (
	"encoding/binary"
	"hash/crc32"

	"datakit.dev/agent/internal/point"
)

// A record is a header of 52 bytes, little endian, and the payload of a block:
//
//	 0  magic     "DKQR"
//	 4  version   1
//	 5  category
//	 6  encoding
//	 7  zero
//	 8  seq       number of the record in its log, from 1
//	16  before    points in all records with lower numbers
//	24  written   nanoseconds since the Unix epoch
//	32  points
//	36  raw bytes
//	40  length    of the payload
//	44  CRC-32C   of the payload
//	48  CRC-32C   of bytes 0 to 47
//
// The header has a checksum of its own, so that damage to a payload leaves
// known how much was lost and where the next record begins. Later versions
// keep magic, version and the place of the last checksum.
const (
	headerSize    = 52
	formatVersion = 1
	recordMagic   = "DKQR"

	// maxPayload bounds what a reader allocates for one record.
	maxPayload = 64 << 20
)

// castagnoli is the polynomial that amd64 and arm64 compute in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header describes one record.
type header struct {
	version  uint8
	category point.Category
	encoding point.Encoding
	seq      uint64
	before   uint64
	written  int64
	points   uint32
	raw      uint32
	length   uint32
	sum      uint32
}

// size is the length of the whole record in the file.
func (h *header) size() int64 { return headerSize + int64(h.length) }

// put encodes h into b.
func (h *header) put(b *[headerSize]byte) {
	le := binary.LittleEndian
	copy(b[:], recordMagic)
	b[4], b[5], b[6], b[7] = formatVersion, byte(h.category), byte(h.encoding), 0
	le.PutUint64(b[8:], h.seq)
	le.PutUint64(b[16:], h.before)
	le.PutUint64(b[24:], uint64(h.written))
	le.PutUint32(b[32:], h.points)
	le.PutUint32(b[36:], h.raw)
	le.PutUint32(b[40:], h.length)
	le.PutUint32(b[44:], h.sum)
	le.PutUint32(b[48:], crc32.Checksum(b[:48], castagnoli))
}

// parseHeader decodes the header at the beginning of b. It reports false when
// there is none; what follows the version means nothing if the version is
// newer than formatVersion.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < headerSize || string(b[:4]) != recordMagic {
		return header{}, false
	}
	le := binary.LittleEndian
	if le.Uint32(b[48:]) != crc32.Checksum(b[:48], castagnoli) {
		return header{}, false
	}
	h = header{
		version:  b[4],
		category: point.Category(b[5]),
		encoding: point.Encoding(b[6]),
		seq:      le.Uint64(b[8:]),
		before:   le.Uint64(b[16:]),
		written:  int64(le.Uint64(b[24:])),
		points:   le.Uint32(b[32:]),
		raw:      le.Uint32(b[36:]),
		length:   le.Uint32(b[40:]),
		sum:      le.Uint32(b[44:]),
	}
	return h, h.version > formatVersion || h.length <= maxPayload
}

// block returns the block the record holds.
func (h *header) block(payload []byte) point.Block {
	return point.Block{
		Category: h.category, Encoding: h.encoding,
		Points: int(h.points), RawBytes: int(h.raw), Payload: payload,
	}
}
