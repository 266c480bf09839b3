package logs

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// end looks what follows the end of the file.
func (f *file) end(emit func(entry)) (more bool, err error) {
	info, err := os.Stat(f.src.Path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if err == nil && inode(info) == f.link.inode {
		if info.Size() < f.read || f.rewritten() {
			return true, f.truncated(emit)
		}
		if f.over = f.src.Ended && f.ends >= settleReads; f.over {
			f.unended(emit)
		}
		return false, nil
	}
	if f.ends < settleReads {
		return false, nil
	}
	links, err := chain(f.src.Path)
	if err != nil {
		return false, err
	}
	next := f.next(links)
	if next == nil {
		if f.over = f.src.Ended; f.over {
			f.unended(emit)
		}
		return false, nil
	}
	f.unended(emit)
	return true, f.advance(*next, emit)
}

// unended takes the rest of a file that does not end with a line end: its
// writer died in the middle of a line, or the container wrote none.
func (f *file) unended(emit func(entry)) {
	if len(f.line) == 0 {
		return
	}
	f.take(f.line, f.begin, f.read, emit)
	f.line, f.begin = f.line[:0], f.read
}

// advance goes on in the next file. A line of which the runtime has written a
// piece ends there: the runtime does not look at lines when it rotates.
func (f *file) advance(next link, emit func(entry)) error {
	for i := range f.parts {
		if a := &f.parts[i]; !a.partial {
			a.flush(func(e entry) { f.emit(e, emit) })
		}
	}
	before, parts := f.position(), f.parts
	for i := range f.parts {
		f.parts[i] = assembler{rules: parts[i].rules}
	}
	if err := f.open(next, position{}); err != nil {
		f.parts = parts
		return err
	}
	for i := range parts {
		parts[i].carried, parts[i].entry.inode = parts[i].open, before.Inode
	}
	f.before, f.parts = before, parts
	return nil
}

// rewritten reports whether the file does not begin any more as it did: it was
// emptied, and may have grown again beyond what was read of it.
func (f *file) rewritten() bool {
	plain, ok := f.reader.(*os.File)
	if !ok || len(f.head) == 0 {
		return false
	}
	n, _ := plain.ReadAt(f.probe[:len(f.head)], 0)
	return !bytes.Equal(f.probe[:n], f.head)
}

// truncated goes on after the file was emptied. Whoever did that (logrotate
// calls it copytruncate) made a copy before, which has the lines that were not
// read yet.
func (f *file) truncated(emit func(entry)) error {
	f.stats.Truncations++
	for i := range f.parts {
		if a := &f.parts[i]; a.carried { // nobody will read it again
			a.flush(func(e entry) { f.emit(e, emit) })
		}
	}
	p := f.here()
	links, err := chain(f.src.Path)
	if err != nil {
		return err
	}
	copied := slices.IndexFunc(links, func(l link) bool { return (l.gzip || l.inode != f.link.inode) && l.is(p) })
	if copied >= 0 && p.Head > 0 {
		return f.open(links[copied], p)
	}
	f.flush(0, emit)
	return f.open(f.link, position{})
}

// next returns the file after the one that is open, nil as long as there is
// none.
func (f *file) next(links []link) *link {
	i := -1
	for n, l := range links {
		if l.inode == f.link.inode && l.gzip == f.link.gzip {
			i = n
		}
	}
	if i < 0 && !f.unlinked() {
		return nil // it is being renamed: look again
	}
	if i < 0 { // removed, or compressed to another file
		i = find(links, f.here())
	}
	if i+1 >= len(links) {
		return nil
	}
	return &links[i+1]
}

// unlinked reports whether the open file has no name any more.
func (f *file) unlinked() bool {
	plain, ok := f.reader.(*os.File)
	if !ok {
		return true
	}
	info, err := plain.Stat()
	if err != nil {
		return true
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 0
}
