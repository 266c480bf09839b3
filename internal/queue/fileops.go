package queue

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// fileOps are the operations on segment files that a file system may refuse.
type fileOps struct {
	write func(f *os.File, head, payload []byte, off int64) error
	sync  func(f *os.File) error
	cut   func(f *os.File, size int64) error
	read  func(f *os.File) io.ReaderAt
}

func (o *fileOps) normalise() {
	if o.write == nil {
		o.write = writeRecord
	}
	if o.sync == nil {
		o.sync = (*os.File).Sync
	}
	if o.cut == nil {
		o.cut = (*os.File).Truncate
	}
	if o.read == nil {
		o.read = func(f *os.File) io.ReaderAt { return f }
	}
}

// writeRecord writes head and payload at off with one system call. After a
// short write it tries the rest, to learn what is in the way.
func writeRecord(f *os.File, head, payload []byte, off int64) error {
	n, err := unix.Pwritev(int(f.Fd()), [][]byte{head, payload}, off)
	if err != nil && err != unix.EINTR {
		return &os.PathError{Op: "pwritev", Path: f.Name(), Err: err}
	}
	n = max(n, 0)
	if n < len(head) {
		if _, err := f.WriteAt(head[n:], off+int64(n)); err != nil {
			return err
		}
		n = len(head)
	}
	if done := n - len(head); done < len(payload) {
		_, err := f.WriteAt(payload[done:], off+int64(n))
		return err
	}
	return nil
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// freeBytes is the space an unprivileged process may still use in the file
// system of dir.
func freeBytes(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(st.Bavail) * st.Bsize, nil
}
