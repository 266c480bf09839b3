package queue

import (
	"cmp"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"datakit.dev/agent/internal/point"
)

// Stats is the state of a queue. Flows count since it was opened.
type Stats struct {
	Bytes    int64 // on disk, of segments
	MaxBytes int64

	DamagedRegions int64 // stretches of bytes set aside
	DamagedBytes   int64
	TornRecords    int64 // unfinished writes found at the start; nothing acknowledged
	WriteErrors    int64 // blocks refused, or files not deleted, because of the file system
	SyncErrors     int64
	CursorErrors   int64 // positions that could not be saved at once

	Cursors []CursorStats // sorted by category and backend
}

// CursorStats is the state of one backend in the log of one category. All of
// the counters are points: Carried + Put = Uploaded + Dropped + Queued.
// Queued is not computed from the others: it is the distance on disk between
// the cursor and the end of the log, in the totals the records carry, plus the
// entries that are outstanding.
type CursorStats struct {
	Backend  string // "" while the queue has no backend
	Category point.Category
	Carried  int64            // queued when the cursor was opened
	Put      int64            // put since then
	Uploaded int64            // acknowledged
	Dropped  map[string]int64 // by reason
	Queued   int64

	LostRecords int64     // damaged or missing; their points are in Dropped
	Bytes       int64     // from the cursor to the end of the log
	Oldest      time.Time // when the oldest queued block was written, or the one before it; zero if there is none
}

// counts are the counters of a cursor.
type counts struct {
	carried, put, uploaded, lost int64
	dropped                      map[string]int64
}

// faults count what went wrong.
type faults struct {
	regions, bytes, torn, writes, syncs, cursors atomic.Int64
}

// Stats returns the current state. It does no I/O and may be called from a
// [ledger.Source].
func (q *Queue) Stats() Stats {
	s := Stats{
		Bytes:          q.room.total(),
		MaxBytes:       q.cfg.MaxBytes,
		DamagedRegions: q.faults.regions.Load(),
		DamagedBytes:   q.faults.bytes.Load(),
		TornRecords:    q.faults.torn.Load(),
		WriteErrors:    q.faults.writes.Load(),
		SyncErrors:     q.faults.syncs.Load(),
		CursorErrors:   q.faults.cursors.Load(),
	}
	for _, c := range point.Categories() {
		s.Cursors = append(s.Cursors, q.logs[c].stats()...)
	}
	return s
}

func (j *journal) stats() (all []CursorStats) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, c := range j.cursors {
		s := CursorStats{
			Backend: c.backend, Category: j.category,
			Carried: c.count.carried, Put: c.count.put, Uploaded: c.count.uploaded,
			Dropped: maps.Clone(c.count.dropped), LostRecords: c.count.lost,
			Queued: c.queued(), Bytes: j.behind(c.pos),
		}
		if c.pos.seq < j.tail.seq || len(c.out) > 0 {
			s.Oldest = time.Unix(0, c.oldest)
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b CursorStats) int { return cmp.Compare(a.Backend, b.Backend) })
	return all
}

// behind is the number of bytes from p to the end of the log. The caller holds
// mu.
func (j *journal) behind(p position) (bytes int64) {
	for i := j.find(p.base); i < len(j.segs); i++ {
		bytes += j.segs[i].size
		if j.segs[i].base == p.base {
			bytes -= p.off
		}
	}
	return bytes
}
