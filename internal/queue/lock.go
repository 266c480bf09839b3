package queue

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

const lockName = "LOCK"

// lockDir takes the lock of the queue in dir. The kernel releases it when the
// file is closed or the process dies, however it dies. With create unset a
// directory that is no queue is an error.
func lockDir(dir string, create bool) (*os.File, error) {
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), flags, 0o600)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("no queue in %s: %w", dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("lock queue: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if err != unix.EWOULDBLOCK {
			return nil, fmt.Errorf("lock queue in %s: %w", dir, err)
		}
		return nil, fmt.Errorf("lock queue in %s: %w by process %s", dir, ErrLocked, holder(f))
	}
	// Written in place, at constant length: works on a full disk. That it
	// fails matters only to the error message of somebody else.
	_, _ = f.WriteAt(fmt.Appendf(nil, "%-20d\n", os.Getpid()), 0)
	return f, nil
}

// unlock releases the lock. Closing the file would not do at once while a child
// process is being forked, which shares it until it executes its program.
func unlock(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}

// holder reads the pid that the owner wrote into the lock file.
func holder(f *os.File) string {
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0)
	if pid := bytes.TrimSpace(b[:n]); len(pid) > 0 {
		return string(pid)
	}
	return "(unknown)"
}
