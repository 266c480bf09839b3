package httpapi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// encodings is what a client may name, in errors.
const encodings = "gzip, deflate, zstd"

// maxWindow bounds the memory that a zstd frame may ask for. RFC 8878 section
// 3.1.1.1.2 recommends that decoders support 8 MiB.
const maxWindow = 8 << 20

var errEncoding = errors.New("unknown encoding, want one of " + encodings)

// decompressors recycles the state of decoders, which is large beside a body.
type decompressors struct{ gzip, zlib, flate, zstd sync.Pool }

// bodyEncoding names the compression of the body: the query argument
// "encoding", or the header. Identity is "".
func bodyEncoding(arg string, header http.Header) string {
	name := arg
	if name == "" {
		name = header.Get("Content-Encoding")
	}
	switch name = strings.ToLower(strings.TrimSpace(name)); name {
	case "identity":
		return ""
	case "x-gzip": // RFC 9110 section 8.4.1.3
		return "gzip"
	default:
		return name
	}
}

// open returns a reader of the content of src. release gives the decoder
// back; the reader must not be used after it.
func (d *decompressors) open(encoding string, src io.Reader) (r io.Reader, release func(), err error) {
	switch encoding {
	case "":
		return src, func() {}, nil
	case "gzip":
		return reuse(&d.gzip, src, gzip.NewReader, (*gzip.Reader).Reset)
	case "deflate":
		return d.deflate(src)
	case "zstd":
		return reuse(&d.zstd, src, func(src io.Reader) (*zstd.Decoder, error) {
			return zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		}, (*zstd.Decoder).Reset)
	default:
		return nil, nil, fmt.Errorf("%w: %.20q", errEncoding, encoding)
	}
}

// deflate reads the format of RFC 1950, which HTTP calls "deflate", and the
// bare one of RFC 1951, which many clients send under that name. They are
// told apart by the zlib header: the method 8, and a check sum modulo 31.
func (d *decompressors) deflate(src io.Reader) (io.Reader, func(), error) {
	buffered := bufio.NewReader(src)
	head, err := buffered.Peek(2)
	if err != nil && err != io.EOF {
		return nil, nil, err
	}
	if len(head) == 2 && head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		return reuse(&d.zlib, io.Reader(buffered), zlib.NewReader, func(r io.ReadCloser, src io.Reader) error {
			return r.(zlib.Resetter).Reset(src, nil)
		})
	}
	return reuse(&d.flate, io.Reader(buffered), func(src io.Reader) (io.ReadCloser, error) {
		return flate.NewReader(src), nil
	}, func(r io.ReadCloser, src io.Reader) error {
		return r.(flate.Resetter).Reset(src, nil)
	})
}

// reuse takes a decoder from the pool and resets it to src, or makes one. A
// decoder goes back to the pool also after bad input: Reset clears it.
func reuse[R io.Reader](pool *sync.Pool, src io.Reader, create func(io.Reader) (R, error), reset func(R, io.Reader) error) (io.Reader, func(), error) {
	r, ok := pool.Get().(R)
	var err error
	if ok {
		err = reset(r, src)
	} else {
		r, err = create(src)
	}
	if err != nil {
		return nil, nil, err
	}
	return r, func() { pool.Put(r) }, nil
}
