package queue

import (
	"fmt"
	"hash/crc32"
	"os"

	"datakit.dev/agent/internal/point"
)

// put writes b and returns when it is as durable as configured. The bytes are
// reserved by the caller.
func (j *journal) put(b *point.Block) error {
	p := &pending{block: b}
	if err := j.append(p, crc32.Checksum(b.Payload, castagnoli)); err != nil {
		return err
	}
	poke(j.dirty)
	if j.cfg.SyncInterval > 0 {
		return nil
	}
	return j.await(p)
}

// append writes one record behind the last one. Either it is there as a whole
// or nothing of it is.
func (j *journal) append(p *pending, sum uint32) error {
	j.writing.Lock()
	defer j.writing.Unlock()
	if j.closed {
		return ErrClosed
	}
	err := j.write(p, sum)
	if err != nil {
		j.faults.writes.Add(1)
		if !j.failing {
			j.cfg.Log.Error("queue cannot write", "category", j.category, "error", err)
		}
	} else if j.failing {
		j.cfg.Log.Info("queue writes again", "category", j.category)
	}
	j.failing = err != nil
	return err
}

func (j *journal) write(p *pending, sum uint32) error {
	if j.active == nil || j.end.off >= j.cfg.SegmentBytes {
		if err := j.roll(); err != nil {
			return err
		}
	}
	b := p.block
	h := header{
		category: j.category, encoding: b.Encoding, seq: j.end.seq, before: j.end.points,
		written: j.cfg.Now().UnixNano(), points: uint32(b.Points), raw: uint32(b.RawBytes),
		length: uint32(len(b.Payload)), sum: sum,
	}
	h.put(&j.head)
	if err := j.cfg.file.write(j.active, j.head[:], b.Payload, j.end.off); err != nil {
		j.cut()
		return storage(fmt.Sprintf("append to queue of %s", j.category), err)
	}
	j.end = j.end.after(&h)
	j.unsaved = true
	p.end, p.written = j.end, h.written
	if j.cfg.SyncInterval > 0 {
		j.single[0] = p
		j.commit(j.single[:])
		return nil
	}
	j.pending = append(j.pending, p)
	return nil
}

// cut takes back what was written behind the end. If even that fails the
// segment is left as it is, and the next block begins another one: readers go
// by the numbers of the records and never see what is left over.
func (j *journal) cut() {
	if j.cfg.file.cut(j.active, j.end.off) != nil {
		j.retire()
	}
}

// roll begins a new segment at the end of the log. It is listed with its first
// record: one that is given up before is no segment.
func (j *journal) roll() error {
	if err := j.seal(); err != nil {
		return err
	}
	if j.cfg.MinFree > 0 {
		free, err := freeBytes(j.dir)
		if err == nil && free < j.cfg.MinFree {
			err = fmt.Errorf("%d bytes are free, %d are to stay free", free, j.cfg.MinFree)
		}
		if err != nil {
			return storage("begin segment", err)
		}
	}
	f, err := os.OpenFile(segmentPath(j.dir, j.end.seq), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return storage("begin segment", err)
	}
	j.active, j.named = f, true
	j.end.base, j.end.off = j.end.seq, 0
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tail = j.end
	return nil
}

// writes reports whether base is the segment that is being written. The
// caller holds writing.
func (j *journal) writes(base uint64) bool { return j.active != nil && j.end.base == base }

// seal ends the active segment, if there is one. Afterwards nothing is
// pending. The caller holds writing.
func (j *journal) seal() error {
	if j.active == nil {
		return nil
	}
	if len(j.pending) > 0 {
		if err := j.syncPending(j.active, j.end); err != nil {
			return err
		}
	}
	j.retire()
	for len(j.retired) > maxRetired {
		j.closeRetired(j.retired[0])
		j.retired = j.retired[1:]
	}
	return nil
}

// retire hands the active file to the syncer. The caller holds writing.
func (j *journal) retire() {
	j.retired = append(j.retired, retired{f: j.active, base: j.end.base})
	j.active = nil
}

// commit lets the readers have blocks, in one step of the ledger. The caller
// holds writing.
func (j *journal) commit(blocks []*pending) {
	last := blocks[len(blocks)-1]
	j.cfg.Book.Step(func() {
		j.mu.Lock()
		if n := len(j.segs); n == 0 || j.segs[n-1].base != last.end.base {
			j.segs = append(j.segs, segment{base: last.end.base, start: j.tail, written: blocks[0].written})
		}
		for _, p := range blocks {
			for _, c := range j.cursors {
				c.arrive(p)
			}
		}
		j.tail = last.end
		j.segs[len(j.segs)-1].size = last.end.off
		j.changed.broadcast()
		j.mu.Unlock()
		for _, p := range blocks {
			p.done = true
			if p.block.Accepted != nil {
				p.block.Accepted()
			}
		}
	})
}
