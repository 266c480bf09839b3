package httpapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"datakit.dev/agent/internal/point"
)

// The live stream is a sequence of frames: one line of JSON that describes a
// block, then its payload, as it is in the queue. A frame without payload
// keeps the connection alive, and tells what a slow reader missed.
type tailFrame struct {
	Category string         `json:"category,omitempty"`
	Encoding point.Encoding `json:"encoding,omitempty"`
	Points   int            `json:"points,omitempty"`
	Bytes    int            `json:"bytes"`            // of the payload
	Raw      int            `json:"raw,omitempty"`    // of the line protocol
	Missed   int64          `json:"missed,omitempty"` // points dropped before this block
}

// maxFrame bounds what the reader accepts of a block, on the wire and
// unpacked: the other end is this very program, but a bound costs nothing.
const maxFrame = 64 << 20

// appendFrame appends the frame of a block, or an empty one for nil.
func appendFrame(dst []byte, b *point.Block, missed int64) []byte {
	f := tailFrame{Missed: missed}
	if b != nil {
		f.Category, f.Encoding, f.Points = b.Category.String(), b.Encoding, b.Points
		f.Bytes, f.Raw = len(b.Payload), b.RawBytes
	}
	head, err := json.Marshal(f)
	if err != nil { // numbers and a category name always encode
		return dst
	}
	dst = append(append(dst, head...), '\n')
	if b != nil {
		dst = append(dst, b.Payload...)
	}
	return dst
}

// Batch is a part of the live stream.
type Batch struct {
	Category point.Category // 0 when there are no lines
	Lines    []byte         // line protocol with nanosecond timestamps; valid until the next batch
	Points   int
	Missed   int64 // points not shown before this batch, because this reader was slow
}

// frameReader reads the live stream.
type frameReader struct {
	src     *bufio.Reader
	payload []byte
	plain   bytes.Buffer
	gzip    gzip.Reader
	zstd    *zstd.Decoder
}

func newFrameReader(src io.Reader) *frameReader {
	return &frameReader{src: bufio.NewReaderSize(src, 64<<10)}
}

// next returns the next batch; io.EOF at the end of the stream.
func (r *frameReader) next() (Batch, error) {
	head, err := r.src.ReadSlice('\n')
	if err != nil {
		if len(head) == 0 {
			return Batch{}, err
		}
		return Batch{}, fmt.Errorf("read live stream: %w", err)
	}
	var f tailFrame
	if err := json.Unmarshal(head, &f); err != nil {
		return Batch{}, fmt.Errorf("read live stream: %w", err)
	}
	if f.Bytes == 0 {
		return Batch{Missed: f.Missed}, nil
	}
	if f.Bytes < 0 || f.Bytes > maxFrame {
		return Batch{}, fmt.Errorf("read live stream: block of %d bytes", f.Bytes)
	}
	category, err := point.ParseCategory(f.Category)
	if err != nil {
		return Batch{}, fmt.Errorf("read live stream: %w", err)
	}
	if cap(r.payload) < f.Bytes {
		r.payload = make([]byte, f.Bytes)
	}
	r.payload = r.payload[:f.Bytes]
	if _, err := io.ReadFull(r.src, r.payload); err != nil {
		return Batch{}, fmt.Errorf("read live stream: %w", err)
	}
	lines, err := r.unpack(f.Encoding)
	if err != nil {
		return Batch{}, fmt.Errorf("read live stream: %w", err)
	}
	return Batch{Category: category, Lines: lines, Points: f.Points, Missed: f.Missed}, nil
}

func (r *frameReader) unpack(e point.Encoding) ([]byte, error) {
	var src io.Reader
	switch e {
	case point.Identity:
		return r.payload, nil
	case point.Gzip:
		if err := r.gzip.Reset(bytes.NewReader(r.payload)); err != nil {
			return nil, err
		}
		src = &r.gzip
	case point.Zstd:
		if r.zstd == nil {
			d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
			if err != nil {
				return nil, err
			}
			r.zstd = d
		}
		if err := r.zstd.Reset(bytes.NewReader(r.payload)); err != nil {
			return nil, err
		}
		src = r.zstd
	default:
		return nil, fmt.Errorf("block with unknown encoding %d", e)
	}
	r.plain.Reset()
	n, err := r.plain.ReadFrom(io.LimitReader(src, maxFrame+1))
	if err == nil && n > maxFrame {
		err = fmt.Errorf("block unpacks to more than %d bytes", maxFrame)
	}
	return r.plain.Bytes(), err
}
