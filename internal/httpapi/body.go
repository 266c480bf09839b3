package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/semaphore"
)

// bodies reads the bodies of requests into recycled memory. All bodies under
// way together stay within a bound; a request that finds it reached waits for
// its turn, or is sent away when it needs more than it announced.
type bodies struct {
	limit   int64 // of one body, after decompression
	total   int64 // of all
	space   *semaphore.Weighted
	buffers buffers
	decompressors
}

// inFlight is how many bodies of the largest size may be in memory at a time,
// and minSpace the room for bodies when that is less.
const (
	inFlight = 2
	minSpace = 32 << 20
)

func newBodies(limit int64) *bodies {
	total := max(inFlight*limit, minSpace)
	return &bodies{limit: limit, total: total, space: semaphore.NewWeighted(total)}
}

// body is the content of a request, decompressed.
type body struct {
	Bytes []byte

	from     *bodies
	buffer   *[]byte
	most     int64 // that it can become, and one byte to see the end
	reserved int64
}

// release ends the use of the body's memory.
func (b *body) release() {
	if b.buffer != nil {
		b.from.buffers.put(b.buffer)
	}
	b.forget()
}

// forget gives up the body without recycling its memory, which somebody else
// may still read.
func (b *body) forget() {
	b.from.space.Release(b.reserved)
	b.Bytes, b.buffer, b.reserved = nil, nil, 0
}

// read returns the body of r. The error is a *failure.
func (s *bodies) read(ctx context.Context, r *http.Request, encoding string) (*body, error) {
	if encoding == "" && r.ContentLength > s.limit {
		return nil, s.tooLarge()
	}
	b := &body{from: s, most: s.limit + 1}
	if encoding == "" && r.ContentLength >= 0 {
		b.most = r.ContentLength + 1
	}
	if err := b.reserve(ctx, s.expect(r, encoding)); err != nil {
		return nil, readFailure(ctx, err)
	}
	src, done, err := s.open(encoding, r.Body)
	if err == nil {
		err = b.fill(src)
		done()
	}
	if err != nil {
		b.release()
		return nil, readFailure(ctx, err)
	}
	return b, nil
}

// maxAhead is the room that a body gets before it comes. More has to arrive
// first: two clients that announce much and send nothing would keep all others
// out.
const maxAhead = 1 << 20

// expect is how much room to begin with: exactly what was announced, plus one
// byte to see the end, or a small buffer that grows.
func (s *bodies) expect(r *http.Request, encoding string) int64 {
	announced := min(r.ContentLength, s.limit) + 1
	if encoding != "" || r.ContentLength < 0 {
		// Line protocol shrinks by 4 to 10: the announced size is a floor.
		announced = max(minBuffer, announced)
	}
	return min(announced, maxAhead)
}

// reserve waits for room for a buffer of n bytes.
func (b *body) reserve(ctx context.Context, n int64) error {
	buffer := b.from.buffers.get(int(n))
	size := min(int64(cap(*buffer)), b.from.total)
	if err := b.from.space.Acquire(ctx, size); err != nil {
		b.from.buffers.put(buffer)
		return err
	}
	b.reserved, b.buffer = size, buffer
	return nil
}

// errCrowded says that a body outgrew its reservation while others held the
// rest. It does not wait: bodies that wait for each other would wait forever.
var errCrowded = errors.New("too many bodies are being read")

// errTooLarge says that a body is larger than the limit.
var errTooLarge = errors.New("body is too large")

// fill reads src to its end.
func (b *body) fill(src io.Reader) error {
	for {
		buf := *b.buffer
		if len(buf) == cap(buf) {
			if err := b.grow(); err != nil {
				return err
			}
			continue
		}
		n, err := src.Read(buf[len(buf):cap(buf)])
		*b.buffer = buf[:len(buf)+n]
		if int64(len(*b.buffer)) > b.from.limit {
			return errTooLarge
		}
		if err == io.EOF {
			b.Bytes = *b.buffer
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// grow doubles the buffer, up to what the body can become.
func (b *body) grow() error {
	old := b.buffer
	if int64(cap(*old)) >= b.most {
		return errTooLarge // more than was announced
	}
	bigger := b.from.buffers.get(int(min(2*int64(cap(*old)), b.most)))
	more := int64(cap(*bigger)) - b.reserved
	if !b.from.space.TryAcquire(more) {
		b.from.buffers.put(bigger)
		return errCrowded
	}
	b.reserved += more
	*bigger = append(*bigger, *old...)
	b.buffer = bigger
	b.from.buffers.put(old)
	return nil
}

func (s *bodies) tooLarge() *failure {
	return fail(http.StatusRequestEntityTooLarge, "bodyTooLarge", "the body is larger than %d bytes", s.limit)
}

// readFailure tells the client why its body was not read.
func readFailure(ctx context.Context, err error) error {
	var timeout interface{ Timeout() bool }
	var tooMany *http.MaxBytesError
	switch {
	case errors.Is(err, errCrowded):
		return retryAfter(time.Second, http.StatusServiceUnavailable, "tooManyBodies", "%v", err)
	case errors.Is(err, errTooLarge), errors.As(err, &tooMany):
		return fail(http.StatusRequestEntityTooLarge, "bodyTooLarge", "%v", err)
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return errTimeout
	default:
		return fail(http.StatusBadRequest, "decodeBodyFailed", "%v", err)
	}
}

// errTimeout is answered as plain text (see API.fail).
var errTimeout = errors.New("timeout")
