package queue

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"datakit.dev/agent/internal/point"
)

// Purged is what [Purge] took from one backend.
type Purged struct {
	Backend  string         `json:"backend"`
	Category point.Category `json:"-"`
	Name     string         `json:"category"`
	Records  int64          `json:"records"`
	Points   int64          `json:"points"`
}

// Purge makes the selected backends (all without one in the filter) give up
// their oldest blocks, up to the first one that the filter keeps, and deletes
// the segments that nobody needs any more.
func Purge(dir string, f Filter) (all []Purged, err error) {
	err = offline(dir, func() error {
		logs, err := logDirs(dir, f)
		if err != nil {
			return err
		}
		for _, d := range logs {
			purged, err := d.purge(f)
			all = append(all, purged...)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return all, err
}

func (d logDir) purge(f Filter) (all []Purged, err error) {
	cursors, err := d.cursors()
	if err != nil {
		return nil, err
	}
	if f.Backend != "" {
		if _, err := d.cursor(f.Backend); err != nil {
			return nil, err
		}
	}
	end := position{seq: 1}
	lowest := position{}
	for i, c := range cursors {
		if c.err != nil {
			return all, fmt.Errorf("purge %s: %w (repair the queue first)", d.category, c.err)
		}
		p := Purged{Backend: c.backend, Category: d.category, Name: d.category.String()}
		to := c.at
		keep := f.Backend != "" && f.Backend != c.backend
		err := d.scan(func(file segmentFile, s stretch) error {
			if s.kind != whole {
				return nil
			}
			here := at(&s.head, file.base, s.off)
			end = here.after(&s.head)
			if s.head.seq < c.at.seq || keep {
				return nil
			}
			if keep = !f.time(s.head.written); keep {
				return nil
			}
			p.Records++
			p.Points += int64(s.head.points)
			to = end
			return nil
		})
		if err != nil {
			return all, err
		}
		if p.Records > 0 {
			if err := c.move(to); err != nil {
				return all, err
			}
			all = append(all, p)
		}
		if i == 0 || to.seq < lowest.seq {
			lowest = to
		}
	}
	return all, d.prune(lowest, end)
}

// prune deletes the segments that lie before lowest; end is the end of the log.
func (d logDir) prune(lowest, end position) error {
	for i, file := range d.segments {
		next := end.seq
		if i+1 < len(d.segments) {
			next = d.segments[i+1].base
		}
		if next > lowest.seq {
			return nil
		}
		if err := os.Remove(file.path); err != nil {
			return fmt.Errorf("purge: %w", err)
		}
	}
	return nil
}

// cursor finds the cursor of a backend.
func (d logDir) cursor(backend string) (storedCursor, error) {
	all, err := d.cursors()
	if err != nil {
		return storedCursor{}, err
	}
	var names []string
	for _, c := range all {
		if c.backend == backend {
			return c, nil
		}
		names = append(names, c.backend)
	}
	return storedCursor{}, fmt.Errorf("backend %q has no cursor in %s; there are: %s", backend, d.dir, strings.Join(names, ", "))
}

// move writes a new position, durably.
func (c storedCursor) move(to position) error {
	disk, _, err := openCursor(c.path)
	if err != nil {
		return err
	}
	return errors.Join(disk.save(to), disk.f.Sync(), disk.f.Close())
}

// entry is the block of a whole record.
func (s *stretch) entry() Entry {
	return Entry{Block: s.head.block(s.payload), Written: time.Unix(0, s.head.written), Seq: s.head.seq}
}
