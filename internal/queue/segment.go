package queue

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"datakit.dev/agent/internal/point"
)

const segmentSuffix = ".seg"

// segment is one file of a log.
type segment struct {
	base    uint64   // its name
	start   position // of the first good record
	written int64    // time of the first good record
	size    int64    // bytes that readers may read
}

// segmentPath is the file of a segment. The names sort as their numbers.
func segmentPath(dir string, base uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", base, segmentSuffix))
}

// segmentFile is a segment as the directory shows it.
type segmentFile struct {
	base uint64
	path string
	size int64
}

// listSegments returns the segments of a log in order. Other files are none of
// its business.
func listSegments(dir string) ([]segmentFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var all []segmentFile
	for _, e := range entries {
		number, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		if !ok {
			continue
		}
		base, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, fmt.Errorf("list segments: %w", err)
		}
		all = append(all, segmentFile{base: base, path: filepath.Join(dir, e.Name()), size: info.Size()})
	}
	slices.SortFunc(all, func(a, b segmentFile) int { return cmp.Compare(a.base, b.base) })
	return all, nil
}

// probe finds the first good record of a segment file, normally with one read
// of its header. It returns io.EOF when there is no good record.
func probe(file segmentFile, c point.Category) (segment, error) {
	f, err := os.Open(file.path)
	if err != nil {
		return segment{}, fmt.Errorf("open segment: %w", err)
	}
	defer f.Close()

	seg := segment{base: file.base, size: file.size}
	var b [headerSize]byte
	if _, err := f.ReadAt(b[:], 0); err == nil {
		h, ok := parseHeader(b[:])
		if ok && h.version > formatVersion {
			return segment{}, newer(file.path, h.version)
		}
		if ok && h.category == c && h.size() <= file.size {
			seg.start, seg.written = at(&h, file.base, 0), h.written
			return seg, nil
		}
	}
	first, err := newScanner(f, c, 0, file.size).record()
	if errors.Is(err, ErrVersion) {
		return segment{}, fmt.Errorf("%s: %w", file.path, err)
	}
	if err != nil {
		return segment{}, err
	}
	seg.start, seg.written = at(&first.head, file.base, first.off), first.head.written
	return seg, nil
}

// ending is what the end of a log looks like after a crash.
type ending struct {
	tail position // where the next record belongs
	rest int64    // bytes behind it that are no record
	torn bool     // rest is the beginning of a record, not damage
}

// findEnd validates a whole segment, the last one of a log, and finds where to
// go on. Damage before the last good record is left to the cursors.
func findEnd(r io.ReaderAt, c point.Category, seg segment) (ending, error) {
	end := ending{tail: seg.start}
	s := newScanner(r, c, seg.start.off, seg.size)
	for {
		found, err := s.next()
		if err == io.EOF {
			end.rest = seg.size - end.tail.off
			return end, nil
		}
		if err != nil {
			return ending{}, fmt.Errorf("read segment: %w", err)
		}
		end.torn = found.kind == torn
		if found.kind == whole || found.kind == damaged && found.known() {
			end.tail = at(&found.head, seg.base, found.off).after(&found.head)
		}
	}
}
