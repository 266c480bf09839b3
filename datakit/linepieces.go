package main

import (
	"fmt"
	"io"

	"datakit.dev/agent/internal/point"
)

// linePieces cuts line protocol into pieces of whole lines. Strings may hold
// line breaks, so only the scanner knows where a line ends.
type linePieces struct {
	src      io.Reader
	category point.Category
	size     int // of a piece; a longer line makes a longer piece

	buf     []byte
	sent    int // bytes of buf that the last piece took
	ended   bool
	scanner point.Scanner
}

// maxLine bounds a piece of a single line: the largest string field, and the
// rest of its line.
const maxLine = point.MaxFieldValue + 4<<20

// next returns a piece and the number of its lines; it is valid until the
// next call. io.EOF is the end.
func (l *linePieces) next() (piece []byte, points int, err error) {
	l.buf = append(l.buf[:0], l.buf[l.sent:]...)
	l.sent = 0
	for want := l.size; ; want *= 2 {
		if err := l.fill(want); err != nil {
			return nil, 0, err
		}
		if l.ended && len(l.buf) == 0 {
			return nil, 0, io.EOF
		}
		cut, points := l.cut()
		if l.ended { // the rest, good or not: the agent says what is wrong with it
			cut = len(l.buf)
		}
		if cut > 0 {
			l.sent = cut
			return l.buf[:cut], points, nil
		}
		if want > maxLine { // not line protocol, or beyond all bounds
			if err := l.scanner.Err(); err != nil {
				return nil, 0, err
			}
			return nil, 0, fmt.Errorf("a line is longer than %d bytes", maxLine)
		}
	}
}

// fill reads until buf holds n bytes or src ends.
func (l *linePieces) fill(n int) error {
	for len(l.buf) < n && !l.ended {
		if cap(l.buf) < n {
			l.buf = append(make([]byte, 0, n), l.buf...)
		}
		m, err := l.src.Read(l.buf[len(l.buf):n])
		l.buf = l.buf[:len(l.buf)+m]
		if err == io.EOF {
			l.ended = true
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// cut returns where the last line begins that may go on behind the buffer,
// and how many lines lie before it. At the end of src all lines count.
func (l *linePieces) cut() (at, points int) {
	for l.scanner.Reset(l.buf, l.category, point.Nanosecond); l.scanner.Next(); points++ {
		at = l.scanner.Line().Start
	}
	if !l.ended && points > 0 {
		points--
	}
	return at, points
}
