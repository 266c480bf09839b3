package httpapi

import (
	"math/bits"
	"sync"
)

// Bodies are kept in buffers of powers of two, from 64 KiB to 4 MiB, so that
// a client that posts bodies of one size is served from one buffer. Larger
// bodies are rare and left to the garbage collector.
const (
	minBuffer    = 64 << 10
	bufferSizes  = 7
	maxKept      = minBuffer << (bufferSizes - 1)
	minBufferLog = 16 // of minBuffer
)

// buffers recycles the memory of bodies.
type buffers struct{ pools [bufferSizes]sync.Pool }

// get returns an empty buffer with room for at least n bytes.
func (b *buffers) get(n int) *[]byte {
	i := sizeClass(n)
	if i >= bufferSizes {
		buf := make([]byte, 0, n)
		return &buf
	}
	if buf, ok := b.pools[i].Get().(*[]byte); ok {
		return buf
	}
	buf := make([]byte, 0, minBuffer<<i)
	return &buf
}

// put takes back a buffer nobody uses any more.
func (b *buffers) put(buf *[]byte) {
	if n := cap(*buf); n >= minBuffer && n <= maxKept && n&(n-1) == 0 {
		*buf = (*buf)[:0]
		b.pools[sizeClass(n)].Put(buf)
	}
}

// sizeClass is the index of the smallest kept size that holds n bytes.
func sizeClass(n int) int {
	if n <= minBuffer {
		return 0
	}
	return bits.Len(uint(n-1)) - minBufferLog
}
