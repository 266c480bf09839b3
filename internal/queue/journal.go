package queue

import (
	"os"
	"sync"

	"datakit.dev/agent/internal/point"
)

// journal is the log of one category.
//
// Locks, in the order in which they are taken; the ledger's gate lies between
// writing and mu, so that nobody waits for a snapshot while holding what the
// snapshot needs:
//
//	budget room ─► reclaiming ─► syncing ─► writing ─► (ledger step) ─► mu
type journal struct {
	*shared
	category point.Category
	dir      string

	reclaiming sync.Mutex // one at a time deletes segments
	syncing    sync.Mutex // one at a time syncs and closes segment files

	writing sync.Mutex // guards the end of the log:
	active  *os.File   // nil when the next block begins a segment
	end     position   // behind the last record written
	pending []*pending // written, not yet durable (SyncInterval 0 only)
	single  [1]*pending
	retired []retired // full segments whose file is still open
	named   bool      // a segment file was created since the last sync
	unsaved bool      // something was written since the last sync
	failing bool      // the last write failed
	head    [headerSize]byte
	closed  bool

	mu      sync.Mutex // guards what readers see; no I/O happens under it:
	segs    []segment
	tail    position // behind the last block that readers may have
	cursors map[string]*Cursor
	changed signal // tail moved, a cursor moved, a cursor was closed
}

// retired is a segment file that is full.
type retired struct {
	f    *os.File
	base uint64
}

// maxRetired bounds the files waiting for their sync; the writer that would
// exceed it syncs them itself.
const maxRetired = 32

// pending is one block on its way to the disk.
type pending struct {
	block   *point.Block
	end     position
	written int64
	done    bool
	err     error
}

// shared is what the logs of a queue have in common.
type shared struct {
	cfg     Config
	room    *budget
	aside   *quarantine
	faults  faults
	buffers batches

	dirty  chan struct{} // something waits for a sync
	urgent chan struct{} // segments may be deleted
}

// poke wakes the goroutine behind ch, if it sleeps.
func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// settled returns the lowest position among the cursors: records before it
// are delivered everywhere. The caller holds mu.
func (j *journal) settled() position {
	lowest := j.tail
	for _, c := range j.cursors {
		if c.pos.seq < lowest.seq {
			lowest = c.pos
		}
	}
	return lowest
}

// find returns the index of the segment of that name; the first later one
// when it is gone, len(segs) when there is none. The caller holds mu.
func (j *journal) find(base uint64) int {
	for i := range j.segs {
		if j.segs[i].base >= base {
			return i
		}
	}
	return len(j.segs)
}
