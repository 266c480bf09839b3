package queue

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

const (
	damagedName = "damaged"
	// maxAside bounds what is kept of damaged data, in bytes and in files;
	// beyond it damage is only counted.
	maxAside      = 64 << 20
	maxAsideFiles = 1024
)

// errAsideFull says that damage is no longer kept.
var errAsideFull = fmt.Errorf("%s/ has reached its bound of %d MiB or %d files", damagedName, maxAside>>20, maxAsideFiles)

// errNoRecord is why a whole segment is set aside.
var errNoRecord = errors.New("it has no good record")

// quarantine keeps damaged data for a later look, under <dir>/damaged. A piece
// is taken once, however many cursors stumble over it.
type quarantine struct {
	dir string
	log *slog.Logger

	mu    sync.Mutex
	bytes int64
	seen  map[string]bool // names, bounded by maxAsideFiles
	over  bool            // the bound was reached and reported
}

// openQuarantine looks at what is there. The directory is made when needed.
func openQuarantine(queueDir string, log *slog.Logger) *quarantine {
	q := &quarantine{dir: filepath.Join(queueDir, damagedName), log: log, seen: make(map[string]bool)}
	entries, _ := os.ReadDir(q.dir) // missing is empty
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			q.seen[e.Name()] = true
			q.bytes += info.Size()
		}
	}
	return q
}

// admit reports whether the piece of that name is new, and whether there is
// room to keep it.
func (q *quarantine) admit(name string, size int64) (fresh, room bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.seen[name] {
		return false, false
	}
	if len(q.seen) >= maxAsideFiles || q.bytes+size > maxAside {
		return true, false
	}
	q.seen[name] = true
	q.bytes += size
	return true, true
}

// copy keeps size bytes of r at off and reports whether they are new. The
// error says why they are not kept.
func (q *quarantine) copy(name string, r io.ReaderAt, off, size int64) (fresh bool, err error) {
	fresh, room := q.admit(name, size)
	if !fresh {
		return false, nil
	}
	if !room {
		q.report()
		return true, errAsideFull
	}
	kept := filepath.Join(q.dir, name)
	err = q.write(kept, io.NewSectionReader(r, off, size))
	if err != nil {
		q.log.Error("queue data is damaged and could not be set aside", "copy", kept, "bytes", size, "error", err)
	} else {
		q.log.Error("queue data is damaged and was set aside", "copy", kept, "bytes", size)
	}
	return true, err
}

// report says once that further damage is only counted.
func (q *quarantine) report() {
	q.mu.Lock()
	first := !q.over
	q.over = true
	q.mu.Unlock()
	if first {
		q.log.Error("queue data is damaged; what was set aside has reached its bound, more is only counted", "dir", q.dir)
	}
}

// move takes a whole file out of the queue; it is deleted when there is no room
// to keep it.
func (q *quarantine) move(path, name string, size int64, why error) error {
	name = q.unused(name)
	kept := filepath.Join(q.dir, name)
	err := os.MkdirAll(q.dir, 0o700)
	if err == nil {
		if _, room := q.admit(name, size); room {
			err = os.Rename(path, kept)
		} else {
			kept, err = "", os.Remove(path)
		}
	}
	if err != nil {
		return storage("set damaged file aside", err)
	}
	q.log.Error("queue file is damaged and was set aside", "file", path, "bytes", size, "copy", kept, "error", why)
	return nil
}

// unused returns name, or name with a number if that is taken.
func (q *quarantine) unused(name string) string {
	q.mu.Lock()
	defer q.mu.Unlock()
	free := name
	for n := 2; q.seen[free]; n++ {
		free = fmt.Sprintf("%s.%d", name, n)
	}
	return free
}

func (q *quarantine) write(path string, r io.Reader) error {
	if err := os.MkdirAll(q.dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// keep sets a damaged stretch of a segment aside and counts it.
func (j *journal) keep(name string, r io.ReaderAt, off, size int64) {
	if fresh, _ := j.aside.copy(name, r, off, size); fresh { // a failure is logged
		j.faults.regions.Add(1)
		j.faults.bytes.Add(size)
	}
}

// discard takes a segment without any good record out of the queue. If that
// fails it stays, unused.
func (j *journal) discard(file segmentFile) {
	j.faults.regions.Add(1)
	j.faults.bytes.Add(file.size)
	if err := j.aside.move(file.path, j.category.String()+"-"+filepath.Base(file.path), file.size, errNoRecord); err != nil {
		j.cfg.Log.Error("queue has a damaged segment", "file", file.path, "bytes", file.size, "error", err)
	}
}
