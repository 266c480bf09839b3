package queue

import (
	"bytes"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"syscall"

	"datakit.dev/agent/internal/point"
)

// kind says what a scanner found.
type kind uint8

const (
	whole   kind = iota + 1 // a good record
	damaged                 // bytes that are no good record; the header is set when only the payload is bad
	torn                    // the beginning of a record at the end of the file
)

// stretch is a piece of a segment: one record, or damage up to the next
// header that can be trusted.
type stretch struct {
	kind    kind
	off     int64
	size    int64
	head    header
	payload []byte // of a whole record; valid until the next call of next
}

// known reports whether the header of the stretch can be trusted.
func (s *stretch) known() bool { return s.head.version != 0 }

// scanner walks over a segment file, from off to end, and finds its way again
// behind damage. It reads through a window that never grows beyond one
// record; what a header claims is believed only up to the end of the file.
type scanner struct {
	r        io.ReaderAt
	category point.Category
	off, end int64
	// Records outside of [from, below) are leftovers of a write that was
	// taken back; they count as damage.
	from, below uint64

	window []byte
	start  int64 // offset of window in the file
}

// windowSize is how much a scanner reads at a time.
const windowSize = 256 << 10

func newScanner(r io.ReaderAt, c point.Category, off, end int64) *scanner {
	return &scanner{r: r, category: c, off: off, end: end, below: math.MaxUint64}
}

// next returns the next stretch; stretches cover the file without gaps. It
// returns io.EOF at the end, an error that wraps [ErrVersion] at a record of a
// newer program, and errors of the file system other than EIO, which is damage.
func (s *scanner) next() (stretch, error) {
	if s.off >= s.end {
		return stretch{}, io.EOF
	}
	found, err := s.look()
	if errors.Is(err, syscall.EIO) {
		// Skip the page that cannot be read.
		found, err = stretch{kind: damaged, off: s.off, size: min(4096-s.off%4096, s.end-s.off)}, nil
	}
	if err == nil {
		s.off += found.size
	}
	return found, err
}

func (s *scanner) look() (stretch, error) {
	left := s.end - s.off
	b, err := s.peek(s.off, min(left, headerSize))
	if err != nil {
		return stretch{}, err
	}
	h, ok, err := s.header(b)
	switch {
	case err != nil:
		return stretch{}, err
	case !ok && left < headerSize:
		return stretch{kind: torn, off: s.off, size: left}, nil
	case !ok:
		return s.resync()
	case h.size() > left:
		return stretch{kind: torn, off: s.off, size: left, head: h}, nil
	}
	b, err = s.peek(s.off, h.size())
	if errors.Is(err, syscall.EIO) {
		return stretch{kind: damaged, off: s.off, size: h.size(), head: h}, nil
	}
	if err != nil {
		return stretch{}, err
	}
	payload := b[headerSize:]
	if crc32.Checksum(payload, castagnoli) != h.sum {
		return stretch{kind: damaged, off: s.off, size: h.size(), head: h}, nil
	}
	s.from = h.seq + 1
	return stretch{kind: whole, off: s.off, size: h.size(), head: h, payload: payload}, nil
}

// header parses the header of a record that may stand here.
func (s *scanner) header(b []byte) (header, bool, error) {
	h, ok := parseHeader(b)
	if ok && h.version > formatVersion {
		return header{}, false, newer("record", h.version)
	}
	return h, ok && h.category == s.category && h.seq >= s.from && h.seq < s.below, nil
}

// resync returns the damage from here to the next header that fits.
func (s *scanner) resync() (stretch, error) {
	off := s.off + 1
	for s.end-off >= headerSize {
		b, err := s.peek(off, min(s.end-off, windowSize))
		if err != nil {
			return stretch{}, err
		}
		i := bytes.Index(b, []byte(recordMagic))
		if i < 0 {
			off += int64(len(b)) - int64(len(recordMagic)) + 1
			continue
		}
		off += int64(i)
		if len(b)-i < headerSize {
			if s.end-off < headerSize {
				break
			}
			continue // read the rest of the header
		}
		h, ok, err := s.header(b[i:])
		if err != nil {
			return stretch{}, err
		}
		if ok && h.size() <= s.end-off {
			return stretch{kind: damaged, off: s.off, size: off - s.off}, nil
		}
		off++
	}
	return stretch{kind: damaged, off: s.off, size: s.end - s.off}, nil
}

// peek returns n bytes at off. The caller
// makes sure that the file is long enough; one that became shorter meanwhile
// reads as an I/O error.
func (s *scanner) peek(off, n int64) ([]byte, error) {
	if off < s.start || off+n > s.start+int64(len(s.window)) {
		want := min(max(n, windowSize), s.end-off)
		if int64(cap(s.window)) < want {
			s.window = make([]byte, 0, want)
		}
		got, err := s.r.ReadAt(s.window[:want], off) // may fail behind what is needed
		s.window, s.start = s.window[:got], off
		if int64(got) < n {
			if err == io.EOF {
				err = syscall.EIO
			}
			return nil, err
		}
	}
	return s.window[off-s.start:][:n], nil
}

// record returns the next good record, or io.EOF.
func (s *scanner) record() (stretch, error) {
	for {
		found, err := s.next()
		if err != nil || found.kind == whole {
			return found, err
		}
	}
}
