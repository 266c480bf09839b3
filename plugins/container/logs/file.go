package logs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/cespare/xxhash/v2"
)

// chunk is how much of one file is read before another has its turn.
const chunk = 64 << 10

// settleReads is how many reads of a rotated file have to find its end before
// it is left: the runtime opens the new file before it closes the old one.
const settleReads = 2

// file is a log that is followed.
type file struct {
	src    Source
	stats  *Stats
	now    func() time.Time
	reader io.ReadCloser // nil when not open
	link   link
	read   int64  // where the next byte comes from
	line   []byte // read, without its end
	begin  int64  // of line
	head   []byte // first bytes, for the fingerprint
	probe  [maxHead]byte
	done   [streams]int64
	parts  [streams]assembler
	ends   int      // reads in a row that found the end
	over   bool     // the container ended and all is read
	before position // in the file before, see carried
}

func newFile(src Source, r rules, stats *Stats, now func() time.Time) *file {
	f := &file{src: src, stats: stats, now: now}
	for i := range f.parts {
		f.parts[i].rules = r
	}
	return f
}

// resume opens the log where p says.
func (f *file) resume(p position) error {
	links, err := chain(f.src.Path)
	if err != nil {
		return fmt.Errorf("look for %s: %w", f.src.Path, err)
	}
	if len(links) == 0 {
		return nil // not written yet
	}
	i := find(links, p)
	if i < 0 {
		f.stats.Missed++
		return f.open(links[0], position{})
	}
	return f.open(links[i], p)
}

// begins opens a log without a position: at its beginning, which may be that
// of a rotated file, or behind the last line.
func (f *file) begins(atEnd bool) error {
	links, err := chain(f.src.Path)
	if err != nil || len(links) == 0 {
		return err
	}
	if !atEnd {
		return f.open(links[0], position{})
	}
	last := links[len(links)-1]
	end, err := lastLineEnd(last.path)
	if err != nil {
		return err
	}
	return f.open(last, position{Offsets: [streams]int64{end, end}})
}

// lastLineEnd returns the offset behind the last complete line of a file.
func lastLineEnd(path string) (int64, error) {
	in, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = in.Close() }()
	size, err := in.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	tail := make([]byte, min(size, chunk))
	if _, err := in.ReadAt(tail, size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return size - int64(len(tail)) + int64(bytes.LastIndexByte(tail, '\n')+1), nil
}

// open opens one file of the chain at the offsets of p.
func (f *file) open(l link, p position) error {
	f.close()
	r, err := l.open()
	if err != nil {
		return err
	}
	if plain, ok := r.(*os.File); ok {
		info, err := plain.Stat()
		if err != nil {
			return errors.Join(err, r.Close())
		}
		l.inode = inode(info) // of the file we have, whatever its name is now
		if _, err := plain.Seek(p.from(), io.SeekStart); err != nil {
			return errors.Join(err, r.Close())
		}
		head := make([]byte, maxHead)
		n, _ := plain.ReadAt(head, 0)
		f.head = head[:n]
	} else {
		f.head, _ = l.head(maxHead)
		if _, err := io.CopyN(io.Discard, r, p.from()); err != nil {
			return errors.Join(fmt.Errorf("go to the position in %s: %w", l.path, err), r.Close())
		}
	}
	f.reader, f.link, f.read, f.begin, f.done = r, l, p.from(), p.from(), p.Offsets
	f.line, f.ends, f.over = f.line[:0], 0, false
	for i := range f.parts { // what was open is read again
		f.stats.Again += f.parts[i].entry.lines
		f.parts[i].open, f.parts[i].partial, f.parts[i].carried, f.parts[i].entry = false, false, false, entry{}
	}
	return nil
}

// step reads on. It hands over complete entries, and reports whether there
// may be more at once.
func (f *file) step(buf []byte, emit func(entry)) (more bool, err error) {
	if f.reader == nil {
		return false, nil
	}
	n, err := f.reader.Read(buf)
	if n > 0 && f.rewritten() { // looked at after reading: what was read may be of either
		return true, f.truncated(emit)
	}
	f.split(buf[:n], emit)
	f.read += int64(n)
	if n > 0 {
		f.ends, f.over = 0, false
		return true, nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read %s: %w", f.link.path, err)
	}
	f.ends++
	return f.end(emit)
}

// split cuts data into lines.
func (f *file) split(data []byte, emit func(entry)) {
	if len(f.head) < maxHead && f.read == int64(len(f.head)) {
		f.head = append(f.head, data[:min(len(data), maxHead-len(f.head))]...)
	}
	at := f.read
	for len(data) > 0 {
		part, rest, ended := bytes.Cut(data, []byte("\n"))
		at += int64(len(data) - len(rest))
		data = rest
		// JSON escapes make a line of Docker up to six times as long.
		if room := 6*f.parts[stdout].max + 4096 - len(f.line); len(part) > room {
			f.stats.Truncated += int64(len(part) - max(room, 0))
			part = part[:max(room, 0)]
		}
		f.line = append(f.line, part...)
		if !ended {
			return
		}
		f.take(f.line, f.begin, at, emit)
		f.line, f.begin = f.line[:0], at
	}
}

// take handles the line between two offsets.
func (f *file) take(line []byte, start, end int64, emit func(entry)) {
	r, err := parse(f.src.Format, line)
	if err != nil {
		f.stats.Malformed++
		r = record{text: line}
	}
	if end <= f.done[r.stream] {
		return // delivered before a restart
	}
	f.stats.Lines++
	a := &f.parts[r.stream]
	a.add(r, start, f.now(), func(e entry) { f.emit(e, emit) })
	f.stats.Truncated += a.lost
	a.lost = 0
}

func (f *file) emit(e entry, emit func(entry)) {
	if e.inode == 0 {
		e.inode = f.link.inode
	}
	emit(e)
}

// flush hands over entries that nothing was added to for a while; with a zero
// age all.
func (f *file) flush(age time.Duration, emit func(entry)) {
	for i := range f.parts {
		if a := &f.parts[i]; a.open && f.now().Sub(a.touched) >= age {
			a.flush(func(e entry) { f.emit(e, emit) })
		}
	}
}

// held is how many lines wait for others to make an entry with.
func (f *file) held() (lines int64) {
	for i := range f.parts {
		lines += f.parts[i].entry.lines
	}
	return lines
}

// position is what is delivered once all entries handed over are. It stays in
// the file before while an entry that began there is not complete.
func (f *file) position() position {
	for i := range f.parts {
		if f.parts[i].open && f.parts[i].carried {
			return f.before
		}
	}
	return f.here()
}

// here is the position in the file that is open.
func (f *file) here() position {
	p := position{ID: f.src.ID, Path: f.src.Path, Inode: f.link.inode, Head: len(f.head), Sum: xxhash.Sum64(f.head)}
	for i, a := range f.parts {
		p.Offsets[i] = max(f.begin, f.done[i])
		if a.open && !a.carried {
			p.Offsets[i] = a.entry.start
		}
	}
	return p
}

func (f *file) close() {
	if f.reader != nil {
		_ = f.reader.Close() // only read
		f.reader = nil
	}
}
