package procfs

import (
	"bytes"
	"encoding/binary"
	"io/fs"

	"golang.org/x/sys/unix"
)

// PIDs lists the processes: the entries of dir, which is /proc, that are
// numbers. They are appended to pids.
func PIDs(dir string, pids []int) ([]int, error) {
	fd, err := open(dir)
	if err != nil {
		return pids, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	buf := make([]byte, 16<<10)
	for {
		n, err := unix.Getdents(fd, buf)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return pids, &fs.PathError{Op: "readdir", Path: dir, Err: err}
		case n <= 0:
			return pids, nil
		default:
			pids = parseDirents(buf[:n], pids)
		}
	}
}

// Offsets of struct linux_dirent64, see getdents64(2).
const (
	direntLen  = 16 // u16: length of the entry
	direntName = 19 // ends with a zero byte
)

func parseDirents(data []byte, pids []int) []int {
	for len(data) >= direntName {
		size := int(binary.NativeEndian.Uint16(data[direntLen:]))
		if size < direntName || size > len(data) {
			return pids
		}
		name, _, _ := bytes.Cut(data[direntName:size], []byte{0})
		if pid, ok := Uint(name); ok && pid > 0 && pid <= 1<<31-1 {
			pids = append(pids, int(pid))
		}
		data = data[size:]
	}
	return pids
}
