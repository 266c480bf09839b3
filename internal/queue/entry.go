package queue

import (
	"sync"
	"time"

	"datakit.dev/agent/internal/point"
)

// Entry is a block as it comes out of the queue.
type Entry struct {
	// Block is valid until the entry is acknowledged or rejected; its
	// Payload is then overwritten. After Rewind it stays as it is.
	point.Block
	Written time.Time // when it was put
	Seq     uint64    // its number in the log of its category, from 1
}

// batch is what one call of Next read: a piece of a segment, and the entries
// whose payloads lie in it.
type batch struct {
	buf     []byte
	entries []Entry
	left    int // entries not yet acknowledged
}

// batches recycles memory between the cursors of a queue, and lets the
// collector have it when all is quiet.
type batches struct{ pool sync.Pool }

func (b *batches) get(size int64) *batch {
	r, _ := b.pool.Get().(*batch)
	if r == nil {
		r = new(batch)
	}
	r.resize(size)
	r.entries = r.entries[:0]
	return r
}

// maxPooled is the largest buffer that is kept for later.
const maxPooled = 8 << 20

func (b *batches) put(r *batch) {
	if cap(r.buf) <= maxPooled {
		clear(r.entries)
		b.pool.Put(r)
	}
}

// resize makes room for size bytes and keeps what is there.
func (r *batch) resize(size int64) {
	if int64(cap(r.buf)) < size {
		grown := make([]byte, size)
		copy(grown, r.buf)
		r.buf = grown
	}
	r.buf = r.buf[:size]
}
