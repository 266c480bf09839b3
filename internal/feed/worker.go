package feed

import (
	"bytes"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"datakit.dev/agent/internal/point"
)

// worker is what it takes to scan a body and to compress a block: about a
// megabyte of tables and buffers. There are as many as processors, however
// many clients post at once; who finds none waits.
type worker struct {
	scanner point.Scanner
	raw     []byte // lines under construction
	out     bytes.Buffer
	pack    func(out *bytes.Buffer, raw []byte)
}

// workers lends workers. They are made when first needed.
type workers struct {
	free chan *worker // nil stands for one that is not made yet
	make func() *worker
}

func newWorkers(n int, build func() *worker) workers {
	w := workers{free: make(chan *worker, n), make: build}
	for range n {
		w.free <- nil
	}
	return w
}

// take waits for a worker. Those who have one only compute, so the wait is
// short.
func (w *workers) take() *worker {
	have := <-w.free
	if have == nil {
		have = w.make()
	}
	return have
}

func (w *workers) put(used *worker) {
	used.scanner.Reset(nil, 0, point.Nanosecond) // let go of the body
	if cap(used.raw) > maxKept {
		used.raw = nil
	}
	w.free <- used
}

// maxKept is the largest buffer that is kept for later: one huge point must
// not cost its size for ever.
const maxKept = 4 << 20

// newWorker makes a worker for an encoding and a level that Config has
// checked; nothing else can be wrong with them.
func newWorker(e point.Encoding, level int) *worker {
	if e == point.Zstd {
		z, _ := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)), zstd.WithEncoderConcurrency(1))
		return &worker{pack: func(out *bytes.Buffer, raw []byte) { out.Write(z.EncodeAll(raw, out.AvailableBuffer())) }}
	}
	z, _ := gzip.NewWriterLevel(nil, level)
	return &worker{pack: func(out *bytes.Buffer, raw []byte) {
		z.Reset(out)
		z.Write(raw) // into memory: cannot fail
		z.Close()
	}}
}

// block compresses raw. The payload is a copy of the right size, so that the
// buffer of the worker can grow once and stay.
func (w *worker) block(c point.Category, e point.Encoding, raw []byte, points int) *point.Block {
	w.out.Reset()
	w.pack(&w.out, raw)
	payload := slices.Clone(w.out.Bytes())
	if w.out.Cap() > maxKept {
		w.out = bytes.Buffer{}
	}
	return &point.Block{Category: c, Encoding: e, Points: points, RawBytes: len(raw), Payload: payload}
}
