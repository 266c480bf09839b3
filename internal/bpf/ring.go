package bpf

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
)

// Header is what a record takes in a ring beside its bytes, which are rounded
// up to a multiple of 8 (kernel/bpf/ringbuf.c).
const Header = 8

// Ring reads a ring buffer whose programs wake nobody up: a wake-up per
// record costs ten times what the record does. It belongs to one goroutine,
// except for Available.
type Ring struct {
	reader *ringbuf.Reader
	record ringbuf.Record
}

// OpenRing maps the ring buffer m. Close it.
func OpenRing(m *ebpf.Map) (*Ring, error) {
	r, err := ringbuf.NewReader(m)
	if err != nil {
		return nil, fmt.Errorf("open ring buffer: %w", err)
	}
	// In the past: reading never waits.
	r.SetDeadline(time.Unix(1, 0))
	return &Ring{reader: r}, nil
}

// Drain passes the records that are there to take, which must not keep them,
// and returns how many they were. It takes at most one ring full, so that a
// fast producer does not hold it forever.
func (r *Ring) Drain(take func(record []byte)) (n int, err error) {
	for left := r.reader.BufferSize(); left > 0; n++ {
		err := r.reader.ReadInto(&r.record)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return n, nil
		}
		if err != nil {
			return n, fmt.Errorf("read ring buffer: %w", err)
		}
		left -= Header + (len(r.record.RawSample)+7)&^7
		take(r.record.RawSample)
	}
	return n, nil
}

// Available returns the bytes waiting in the ring, headers included.
func (r *Ring) Available() int { return r.reader.AvailableBytes() }

// Size returns the capacity in bytes.
func (r *Ring) Size() int { return r.reader.BufferSize() }

// Close unmaps the ring. It is idempotent.
func (r *Ring) Close() error { return r.reader.Close() }
