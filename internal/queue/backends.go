package queue

import (
	"errors"
	"fmt"
	"os"
	"slices"
)

// maxBackendName keeps the escaped name of a backend a valid file name.
const maxBackendName = 80

// SetBackends makes these the backends of the queue. The package
// documentation says which position new ones get. The cursors of those that
// are gone are closed and deleted, and what only they needed with them.
func (q *Queue) SetBackends(names []string) error {
	q.backends.Lock()
	defer q.backends.Unlock()
	wanted := make(map[string]bool)
	for _, name := range names {
		switch {
		case name == "" || len(name) > maxBackendName:
			return fmt.Errorf("backend name %q must have 1 to %d bytes", name, maxBackendName)
		case wanted[name]:
			return fmt.Errorf("backend name %q is used twice", name)
		}
		wanted[name] = true
	}
	if len(wanted) == 0 {
		wanted[nobody] = true
	}
	var err error
	for _, j := range q.logs[1:] {
		err = errors.Join(err, j.setBackends(wanted))
	}
	poke(q.urgent)
	return err
}

// nobody is the backend that keeps blocks while there is no backend.
const nobody = ""

func (j *journal) setBackends(wanted map[string]bool) error {
	gone, takenOver, err := j.addBackends(wanted)
	if err != nil {
		return err
	}
	for _, c := range gone {
		j.mu.Lock()
		delete(j.cursors, c.backend)
		points := c.queued()
		j.mu.Unlock()
		err = errors.Join(err, c.close(), os.Remove(cursorPath(j.dir, c.backend)))
		if points > 0 && c.backend != nobody {
			j.cfg.Log.Warn("backend was removed from the queue", "backend", c.backend, "category", j.category,
				"points", points, "taken_over", takenOver)
		}
	}
	return err
}

// addBackends makes the cursors that are missing and returns those that are
// not wanted. The new ones come first: after a crash in between the old ones
// are still there, or the new ones are.
func (j *journal) addBackends(wanted map[string]bool) (gone []*Cursor, takenOver bool, err error) {
	j.reclaiming.Lock() // the starting position stays on disk
	defer j.reclaiming.Unlock()

	j.mu.Lock()
	start, kept, found := j.tail, false, len(j.cursors) > 0
	lowest := j.tail
	for name, c := range j.cursors {
		if wanted[name] {
			kept = true
			continue
		}
		gone = append(gone, c)
		if c.pos.seq < lowest.seq {
			lowest = c.pos
		}
	}
	switch {
	case !found:
		start = j.first()
	case !kept:
		start = lowest
	}
	var missing []string
	for name := range wanted {
		if j.cursors[name] == nil {
			missing = append(missing, name)
		}
	}
	j.mu.Unlock()

	for _, name := range missing {
		if err := j.addCursor(name, start); err != nil {
			return nil, false, err
		}
	}
	return gone, !kept, nil
}

// addCursor makes a cursor at p.
func (j *journal) addCursor(name string, p position) error {
	disk, err := createCursor(cursorPath(j.dir, name), p)
	if err != nil {
		return err
	}
	c := &Cursor{j: j, backend: name, disk: disk, saved: p, pos: p, read: p}
	j.cfg.Book.Step(func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		if i := slices.IndexFunc(j.segs, func(s segment) bool { return s.base == p.base }); i >= 0 {
			c.oldest = j.segs[i].written
		}
		j.cursors[name] = c
		c.count.carried = c.queued()
	})
	return nil
}
