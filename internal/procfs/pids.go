package procfs

import (
	"bytes"
	"encoding/binary"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Entry is a process in the list of /proc.
type Entry struct {
	PID int
	// Inode of /proc/<pid>. The kernel numbers these anew, so as long as it
	// is the same, so is the process; another one says nothing
	// (proc_fill_cache in fs/proc/base.c).
	Inode uint64
}

// Processes lists the processes: the entries of dir, which is /proc, that are
// numbers. They are appended to all.
func Processes(dir string, all []Entry) ([]Entry, error) {
	fd, err := open(dir)
	if err != nil {
		return all, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.Getdents(fd, buf)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return all, &fs.PathError{Op: "readdir", Path: dir, Err: err}
		case n <= 0:
			return all, nil
		default:
			all = parseDirents(buf[:n], all)
		}
	}
}

// Offsets of struct linux_dirent64, see getdents64(2).
const (
	direntIno  = 0  // u64
	direntLen  = 16 // u16: length of the entry
	direntName = 19 // ends with a zero byte
)

func parseDirents(data []byte, all []Entry) []Entry {
	for len(data) >= direntName {
		size := int(binary.NativeEndian.Uint16(data[direntLen:]))
		if size < direntName || size > len(data) {
			return all
		}
		name, _, _ := bytes.Cut(data[direntName:size], []byte{0})
		if pid, ok := Uint(name); ok && pid > 0 && pid <= 1<<31-1 {
			all = append(all, Entry{int(pid), binary.NativeEndian.Uint64(data[direntIno:])})
		}
		data = data[size:]
	}
	return all
}
