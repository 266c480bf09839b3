package queue

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"datakit.dev/agent/internal/point"
)

// Filter selects blocks of a stopped queue. The zero Filter selects all.
type Filter struct {
	Category point.Category // 0: all
	Backend  string         // what this backend has queued; "": see the function
	Before   time.Time      // written before; zero: any time
}

func (f Filter) category(c point.Category) bool { return f.Category == 0 || f.Category == c }

func (f Filter) time(written int64) bool {
	return f.Before.IsZero() || written < f.Before.UnixNano()
}

// offline runs do on a queue that no process uses. It returns an error that
// wraps [ErrLocked] and names the process otherwise.
func offline(dir string, do func() error) error {
	lock, err := lockDir(dir, false)
	if err != nil {
		return err
	}
	return errors.Join(do(), unlock(lock))
}

// logDirs returns the logs that exist, in the order of the categories.
func logDirs(dir string, f Filter) (all []logDir, err error) {
	for _, c := range point.Categories() {
		if !f.category(c) {
			continue
		}
		d := logDir{category: c, dir: filepath.Join(dir, c.String())}
		d.segments, err = listSegments(d.dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, nil
}

// logDir is a log as the directory shows it.
type logDir struct {
	category point.Category
	dir      string
	segments []segmentFile
}

// storedCursor is a cursor file; err says why it has no position.
type storedCursor struct {
	backend string
	path    string
	at      position
	err     error
}

// cursors reads the cursor files, in the order of their names.
func (d logDir) cursors() (all []storedCursor, err error) {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, fmt.Errorf("list cursors: %w", err)
	}
	for _, e := range entries {
		path := filepath.Join(d.dir, e.Name())
		backend, ok := cursorBackend(path)
		if !ok {
			continue
		}
		disk, p, err := openCursor(path)
		if err == nil {
			err = disk.f.Close()
		}
		if errors.Is(err, ErrVersion) {
			return nil, err
		}
		all = append(all, storedCursor{backend: backend, path: path, at: p, err: err})
	}
	return all, nil
}

// scan calls visit with every stretch of every segment, good or not, in order.
func (d logDir) scan(visit func(segmentFile, stretch) error) error {
	for i := range d.segments {
		if err := d.scanSegment(i, visit); err != nil {
			return fmt.Errorf("%s: %w", d.segments[i].path, err)
		}
	}
	return nil
}

func (d logDir) scanSegment(i int, visit func(segmentFile, stretch) error) error {
	file := d.segments[i]
	f, err := os.Open(file.path)
	if err != nil {
		return err
	}
	defer f.Close()
	s := newScanner(f, d.category, 0, file.size)
	if i+1 < len(d.segments) {
		s.below = d.segments[i+1].base
	}
	for {
		found, err := s.next()
		if isEnd(err) {
			return nil
		}
		if err == nil {
			err = visit(file, found)
		}
		if err != nil {
			return err
		}
	}
}
