package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// lock is the claim on a home folder: an flock on run/datakit.pid, which the
// kernel takes away when the process dies, however it dies.
type lock struct{ file *os.File }

// takeLock claims the home folder, or says who has it.
func takeLock(path string) (*lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("claim the home folder: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		owner, _ := io.ReadAll(io.LimitReader(f, 32))
		err = &exitError{exitRunning, fmt.Errorf("another agent runs in this home, with pid %s (%s)", strings.TrimSpace(string(owner)), path)}
		return nil, errors.Join(err, f.Close())
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintln(f, os.Getpid())
	}
	if err != nil {
		return nil, fmt.Errorf("claim the home folder: %w", errors.Join(err, f.Close()))
	}
	return &lock{f}, nil
}

// Close gives the home folder back. The file stays: removing it would let two
// others hold locks on different files of the same name.
func (l *lock) Close() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}
