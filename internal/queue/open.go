package queue

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"datakit.dev/agent/internal/point"
)

// Open opens the queue in cfg.Dir, or makes one, for these backends (see the
// package documentation for which position they get). Damage does not keep it
// from opening. Without a backend the queue keeps blocks for the first one to
// come.
func Open(cfg Config, backends []string) (*Queue, error) {
	if err := cfg.normalise(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	lock, err := lockDir(cfg.Dir, true)
	if err != nil {
		return nil, err
	}
	q := &Queue{
		shared: &shared{
			cfg: cfg, room: newBudget(cfg.MaxBytes), aside: openQuarantine(cfg.Dir, cfg.Log),
			dirty: make(chan struct{}, 1), urgent: make(chan struct{}, 1),
		},
		lock:    lock,
		closing: make(chan struct{}),
	}
	for _, c := range point.Categories() {
		j := &journal{shared: q.shared, category: c, dir: filepath.Join(cfg.Dir, c.String()), cursors: make(map[string]*Cursor)}
		q.logs[c] = j
		err = errors.Join(err, j.open())
	}
	if err == nil {
		err = q.SetBackends(backends)
	}
	if err != nil {
		return nil, fmt.Errorf("open queue in %s: %w", cfg.Dir, errors.Join(err, q.Close()))
	}
	q.collect(false)
	q.workers.Go(q.syncer)
	q.workers.Go(q.collector)
	return q, nil
}

// open reads what is on disk: one header of each segment, the whole of the
// last one, and the cursors.
func (j *journal) open() error {
	if err := os.MkdirAll(j.dir, 0o700); err != nil {
		return err
	}
	files, err := listSegments(j.dir)
	if err != nil {
		return err
	}
	for _, file := range files {
		seg, err := probe(file, j.category)
		switch {
		case errors.Is(err, io.EOF) && file.size == 0:
			err = os.Remove(file.path)
		case errors.Is(err, io.EOF):
			j.discard(file)
			err = nil
		case err == nil:
			j.segs = append(j.segs, seg)
			j.room.add(j.category, seg.size)
		}
		if err != nil {
			return err
		}
	}
	j.tail = position{seq: 1}
	if n := len(j.segs); n > 0 {
		if err := j.resume(&j.segs[n-1]); err != nil {
			return err
		}
	}
	if err := j.loadCursors(); err != nil {
		return err
	}
	j.end = j.tail
	return nil
}

// resume prepares the last segment for writing: behind its last record there
// may be the beginning of a record nobody was promised, or damage.
func (j *journal) resume(seg *segment) error {
	path := segmentPath(j.dir, seg.base)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	r := j.cfg.file.read(f)
	end, err := findEnd(r, j.category, *seg)
	if err != nil {
		_ = f.Close()
		return fmt.Errorf("%s: %w", path, err)
	}
	j.tail = end.tail
	if end.rest > 0 {
		if end.torn {
			j.faults.torn.Add(1)
			j.cfg.Log.Warn("queue cuts off a record that was not written completely", "segment", path, "bytes", end.rest)
		} else {
			j.keep(fmt.Sprintf("%s-%020d-%d", j.category, seg.base, end.tail.off), r, end.tail.off, end.rest)
		}
		j.room.give(j.category, end.rest)
		seg.size -= end.rest
		if err := j.cfg.file.cut(f, seg.size); err != nil {
			_ = f.Close() // the next block begins a new segment
			return nil
		}
	}
	j.active = f
	return nil
}

// loadCursors opens the cursors on disk. A cursor may be ahead of the records
// (they were lost with the page cache): the log then goes on behind it, in a
// new segment, and the other cursors find a gap.
func (j *journal) loadCursors() error {
	entries, err := os.ReadDir(j.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(j.dir, e.Name())
		if strings.HasSuffix(path, ".tmp") {
			_ = os.Remove(path)
			continue
		}
		backend, ok := cursorBackend(path)
		if !ok {
			continue
		}
		disk, p, err := openCursor(path)
		if errors.Is(err, errNoSlot) {
			if err := j.aside.move(path, j.category.String()+"-"+filepath.Base(path), 2*slotDistance, err); err != nil {
				return err
			}
			p = j.first()
			disk, err = createCursor(path, p)
		}
		if err != nil {
			return err
		}
		j.cursors[backend] = &Cursor{j: j, backend: backend, disk: disk, saved: p, pos: p}
		if p.seq > j.tail.seq {
			j.tail = position{seq: p.seq, points: max(p.points, j.tail.points), base: p.seq}
			if j.active != nil {
				_ = j.active.Close()
				j.active = nil
			}
		}
	}
	for _, c := range j.cursors {
		j.place(c)
	}
	return nil
}

// first is the oldest position there is.
func (j *journal) first() position {
	if len(j.segs) > 0 {
		return j.segs[0].start
	}
	return j.tail
}

// syncer syncs what was written, at the latest SyncInterval after the first
// write. It sleeps while nothing is written.
func (q *Queue) syncer() {
	interval := q.cfg.SyncInterval
	if interval == 0 {
		interval = time.Second // for cursors
	}
	for {
		select {
		case <-q.closing:
			return
		case <-q.dirty:
		}
		timer := time.NewTimer(interval)
		select {
		case <-q.closing:
			timer.Stop()
			return
		case <-timer.C:
		}
		for _, c := range point.Categories() {
			q.logs[c].flush()
		}
	}
}

// collector deletes segments when cursors have passed them.
func (q *Queue) collector() {
	for {
		select {
		case <-q.closing:
			return
		case <-q.urgent:
			q.collect(q.room.pressed())
		}
	}
}
