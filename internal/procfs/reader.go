package procfs

import (
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Reader reads small files into one buffer of its own. It is not safe for
// concurrent use. The zero Reader is ready for use.
//
// Files of /proc have no size to ask for and need no poller: three system
// calls (open, read until the end, close) and no allocation are enough.
type Reader struct{ buf []byte }

// maxFile bounds what [Reader.Read] takes of one file.
const maxFile = 16 << 20

// Read returns the content of a file. It is valid until the next Read.
// Errors are [*fs.PathError].
func (r *Reader) Read(path string) ([]byte, error) { return r.read(path, false, maxFile+1) }

// ReadShort is Read for files that the kernel hands over at once when there is
// room, as those of /proc/<pid> with a single record: it does not ask again
// whether there is more.
func (r *Reader) ReadShort(path string) ([]byte, error) { return r.read(path, true, maxFile+1) }

// ReadHead is ReadShort for files that others may make as large as they like:
// it takes the first limit bytes.
func (r *Reader) ReadHead(path string, limit int) ([]byte, error) { return r.read(path, true, limit) }

func (r *Reader) read(path string, short bool, limit int) ([]byte, error) {
	fd, err := open(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if r.buf == nil {
		r.buf = make([]byte, 4096)
	}
	n := 0
	for {
		if n == len(r.buf) {
			if n >= maxFile {
				return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("larger than %d bytes", maxFile)}
			}
			r.buf = append(r.buf, make([]byte, len(r.buf))...)
		}
		m, err := unix.Read(fd, r.buf[n:min(len(r.buf), limit)])
		switch {
		case err == unix.EINTR:
		case err != nil:
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		case m == 0:
			return r.buf[:n], nil
		default:
			if n += m; n == limit || short && n < len(r.buf) {
				return r.buf[:n], nil
			}
		}
	}
}

// Number reads a file that holds one number, as those below /proc/sys do.
func (r *Reader) Number(path string) (uint64, error) {
	data, err := r.Read(path)
	if err != nil {
		return 0, err
	}
	word, _ := Word(data)
	n, ok := Uint(word)
	if !ok {
		return 0, fmt.Errorf("read %s: %q is not a number", path, word)
	}
	return n, nil
}

func open(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			return fd, err
		}
	}
}
