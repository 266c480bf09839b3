package pcap

import (
	"errors"
	"io"
)

const (
	bufferSize = 64 << 10 // stays in the cache of a core
	maxRecord  = 16 << 20 // bound of one record or block; larger ones are a damaged file
)

// buffer reads ahead and hands out parts of itself.
type buffer struct {
	r        io.Reader
	data     []byte // what is read and not taken is data[from:to]
	from, to int
	offset   int64 // of data[from] in the file
	err      error // of the reader, once everything before it is taken
}

func newBuffer(r io.Reader) buffer { return buffer{r: r, data: make([]byte, bufferSize)} }

// peek returns the next n bytes without taking them; fewer when the file
// ends. They are valid until the next call.
func (b *buffer) peek(n int) ([]byte, error) {
	if b.to-b.from >= n {
		return b.data[b.from : b.from+n], nil
	}
	return b.fill(n)
}

// ahead returns what has been read and not taken, as it is.
func (b *buffer) ahead() []byte { return b.data[b.from:b.to] }

// take skips n bytes that were peeked at.
func (b *buffer) take(n int) {
	b.from += n
	b.offset += int64(n)
}

func (b *buffer) fill(n int) ([]byte, error) {
	if len(b.data) < n {
		b.data = append(make([]byte, 0, n+bufferSize), b.data[b.from:b.to]...)[:n+bufferSize]
	} else {
		copy(b.data, b.data[b.from:b.to])
	}
	b.from, b.to = 0, b.to-b.from
	for b.to < n && b.err == nil {
		var got int
		got, b.err = b.r.Read(b.data[b.to:])
		b.to += got
	}
	if b.to >= n {
		return b.data[:n], nil
	}
	if errors.Is(b.err, io.EOF) && b.to > 0 {
		return b.data[:b.to], io.ErrUnexpectedEOF
	}
	return b.data[:b.to], b.err
}
