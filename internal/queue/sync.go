package queue

import (
	"errors"
	"fmt"
	"os"
)

// await returns when p is durable. Whoever comes first syncs for all that were
// written until then; the others find their work done.
func (j *journal) await(p *pending) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.writing.Lock()
	defer j.writing.Unlock()
	if p.done {
		return p.err
	}
	f, upto := j.active, j.end
	named := j.named
	j.named = false

	j.writing.Unlock() // others go on writing during the sync
	err := j.syncFile(f, named)
	j.writing.Lock()

	if p.done { // by a new segment, see seal
		return p.err
	}
	j.finish(upto, err)
	return p.err
}

// syncPending makes all that is pending durable. The caller holds writing.
func (j *journal) syncPending(f *os.File, upto position) error {
	err := j.syncFile(f, j.named)
	j.named = false
	j.finish(upto, err)
	return err
}

// finish tells the outcome of a sync to the blocks before upto. After a
// failure the state of the pages is unknown (fsync reports an error once and
// drops it): what nobody was promised is taken back, all of it, and the next
// block begins a new segment. The caller holds writing.
func (j *journal) finish(upto position, err error) {
	if err == nil {
		n := 0
		for n < len(j.pending) && j.pending[n].end.seq <= upto.seq {
			n++
		}
		if n > 0 {
			j.commit(j.pending[:n])
		}
		j.pending = append(j.pending[:0], j.pending[n:]...)
		return
	}
	for _, p := range j.pending {
		p.done, p.err = true, err
	}
	j.pending = j.pending[:0]
	j.mu.Lock()
	j.end = j.tail
	j.mu.Unlock()
	if j.active != nil {
		j.cut()
	}
	if j.active != nil {
		j.retire()
	}
}

// syncFile syncs a segment file, and its name when it is new.
func (j *journal) syncFile(f *os.File, named bool) error {
	err := j.cfg.file.sync(f)
	if err == nil && named {
		err = syncDir(j.dir)
	}
	if err == nil {
		return nil
	}
	j.faults.syncs.Add(1)
	return storage(fmt.Sprintf("sync queue of %s", j.category), err)
}

// flush syncs everything that only the page cache has: segments, then cursors.
func (j *journal) flush() {
	j.syncing.Lock()
	defer j.syncing.Unlock()

	var f *os.File
	var named bool
	j.writing.Lock()
	full := j.retired
	j.retired = nil
	if j.unsaved && j.cfg.SyncInterval > 0 { // with 0 the writers sync
		f, named = j.active, j.named
		j.unsaved, j.named = false, false
	}
	j.writing.Unlock()

	for _, r := range full {
		j.closeRetired(r)
	}
	if f != nil {
		if err := j.syncFile(f, named); err != nil {
			j.cfg.Log.Error("queue cannot sync", "category", j.category, "error", err)
			j.abandon(f)
		}
	}
	for _, c := range j.list() {
		c.sync()
	}
}

// abandon ends the active segment if it still is f.
func (j *journal) abandon(f *os.File) {
	j.writing.Lock()
	defer j.writing.Unlock()
	if j.active == f {
		j.retire()
	}
}

// closeRetired syncs a full segment, unless it is deleted already, and closes
// its file.
func (j *journal) closeRetired(r retired) {
	j.mu.Lock()
	i := j.find(r.base)
	exists := i < len(j.segs) && j.segs[i].base == r.base
	j.mu.Unlock()
	if exists && j.cfg.SyncInterval > 0 {
		if err := j.syncFile(r.f, true); err != nil {
			j.cfg.Log.Error("queue cannot sync", "category", j.category, "error", err)
		}
	}
	_ = r.f.Close()
}

// close ends the log: what is written is durable afterwards.
func (j *journal) close() error {
	j.writing.Lock()
	j.closed = true
	var err error
	if len(j.pending) > 0 {
		err = j.syncPending(j.active, j.end)
	}
	j.writing.Unlock()

	j.flush()
	j.writing.Lock()
	f := j.active
	j.active = nil
	j.writing.Unlock()
	if f != nil {
		err = errors.Join(err, f.Close())
	}
	for _, c := range j.list() {
		err = errors.Join(err, c.close())
	}
	return err
}
