package upload

import (
	"bytes"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"datakit.dev/agent/internal/point"
)

// decode returns the line protocol in a block. It reads no more than the
// block says it holds.
func decode(b *point.Block) ([]byte, error) {
	var r io.Reader
	switch b.Encoding {
	case point.Gzip:
		z, err := gzip.NewReader(bytes.NewReader(b.Payload))
		if err != nil {
			return nil, fmt.Errorf("decode block: %w", err)
		}
		defer z.Close()
		r = z
	case point.Zstd:
		z, err := zstd.NewReader(bytes.NewReader(b.Payload), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, fmt.Errorf("decode block: %w", err)
		}
		defer z.Close()
		r = z
	default:
		return b.Payload, nil
	}
	body := bytes.NewBuffer(make([]byte, 0, b.RawBytes+1))
	n, err := io.Copy(body, io.LimitReader(r, int64(b.RawBytes)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("decode block: %w", err)
	case n != int64(b.RawBytes):
		return nil, fmt.Errorf("decode block: it holds %d bytes or more, not %d", n, b.RawBytes)
	}
	return body.Bytes(), nil
}

// lines decodes a block and returns where each line begins, and the end of
// the last one. A newline within a string does not end a line.
func lines(b *point.Block) (body []byte, starts []int, err error) {
	if body, err = decode(b); err != nil {
		return nil, nil, err
	}
	var s point.Scanner
	s.Reset(body, b.Category, point.Nanosecond)
	for s.Next() {
		starts = append(starts, s.Line().Start)
	}
	if err := s.Err(); err != nil {
		return nil, nil, fmt.Errorf("find the lines of a block: %w", err)
	}
	if len(starts) != b.Points {
		return nil, nil, fmt.Errorf("find the lines of a block: it holds %d, not %d", len(starts), b.Points)
	}
	return body, append(starts, len(body)), nil
}

// encode makes a block of n lines like the one they come from. What was zstd
// becomes gzip, which every backend takes.
func encode(like *point.Block, body []byte, n int) *point.Block {
	b := &point.Block{Category: like.Category, Points: n, RawBytes: len(body), Payload: body}
	if like.Encoding == point.Identity {
		return b
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(body) // a buffer takes everything
	_ = z.Close()
	b.Encoding, b.Payload = point.Gzip, out.Bytes()
	return b
}
