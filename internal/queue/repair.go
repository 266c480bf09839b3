package queue

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
)

// Repaired is what [Repair] did.
type Repaired struct {
	Regions      int64 `json:"regions"` // stretches of damage set aside
	Bytes        int64 `json:"bytes"`
	Segments     int   `json:"segments"`      // files written anew without their damage
	SegmentsGone int   `json:"segments_gone"` // files without a good record, set aside
	TornBytes    int64 `json:"torn_bytes"`    // unfinished writes cut off
	Cursors      int   `json:"cursors"`       // damaged cursors, set back to the oldest block
}

// Repair sets aside all damage of a stopped queue. The running queue does the
// same step by step; afterwards it finds only good records. What is missing
// between them is still counted per backend when its cursor comes by. log may
// be nil.
func Repair(dir string, log *slog.Logger) (r Repaired, err error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	err = offline(dir, func() error {
		aside := openQuarantine(dir, log)
		logs, err := logDirs(dir, Filter{})
		if err != nil {
			return err
		}
		for _, d := range logs {
			if err := d.repair(aside, &r); err != nil {
				return fmt.Errorf("repair %s: %w", d.category, err)
			}
		}
		return nil
	})
	return r, err
}

func (d logDir) repair(aside *quarantine, r *Repaired) error {
	oldest := position{seq: 1}
	for i, file := range d.segments {
		first, err := d.repairSegment(i, aside, r)
		if err != nil {
			return fmt.Errorf("%s: %w", file.path, err)
		}
		if oldest.base == 0 {
			oldest = first
		}
	}
	cursors, err := d.cursors()
	if err != nil {
		return err
	}
	for _, c := range cursors {
		if c.err == nil {
			continue
		}
		if err := aside.move(c.path, d.category.String()+"-"+filepath.Base(c.path), 2*slotDistance, c.err); err != nil {
			return err
		}
		disk, err := createCursor(c.path, oldest)
		if err != nil {
			return err
		}
		if err := disk.f.Close(); err != nil {
			return err
		}
		r.Cursors++
	}
	return nil
}

// repairSegment writes one segment anew if it is damaged, and returns the
// position of its first record. Cursors find theirs by its number.
func (d logDir) repairSegment(i int, aside *quarantine, r *Repaired) (first position, err error) {
	file := d.segments[i]
	var good, bad []stretch
	err = d.scanSegment(i, func(_ segmentFile, s stretch) error {
		s.payload = nil
		if s.kind == whole {
			good = append(good, s)
		} else {
			bad = append(bad, s)
		}
		return nil
	})
	if err != nil {
		return position{}, err
	}
	if len(good) > 0 {
		first = at(&good[0].head, file.base, 0)
	}
	switch {
	case len(bad) == 0:
		return first, nil
	case len(good) == 0:
		r.SegmentsGone++
		name := d.category.String() + "-" + filepath.Base(file.path)
		return first, aside.move(file.path, name, file.size, errNoRecord)
	}
	f, err := os.Open(file.path)
	if err != nil {
		return first, err
	}
	defer f.Close()
	for _, s := range bad {
		if s.kind == torn {
			r.TornBytes += s.size
			continue
		}
		if _, err := aside.copy(fmt.Sprintf("%s-%020d-%d", d.category, file.base, s.off), f, s.off, s.size); err != nil {
			return first, fmt.Errorf("set damage aside: %w", err)
		}
		r.Regions++
		r.Bytes += s.size
	}
	r.Segments++
	return first, rewrite(f, file.path, good)
}

// rewrite replaces a segment by one of only these records.
func rewrite(from *os.File, path string, records []stretch) error {
	temporary := path + ".tmp"
	to, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return storage("rewrite segment", err)
	}
	for _, s := range records {
		if err = copyRange(to, from, s.off, s.size); err != nil {
			break
		}
	}
	err = errors.Join(err, to.Sync(), to.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		_ = os.Remove(temporary)
		return storage("rewrite segment", err)
	}
	return nil
}

func copyRange(to io.Writer, from io.ReaderAt, off, size int64) error {
	_, err := io.Copy(to, io.NewSectionReader(from, off, size))
	return err
}
