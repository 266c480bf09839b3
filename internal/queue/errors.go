package queue

import (
	"errors"
	"fmt"

	"datakit.dev/agent/internal/point"
)

// What callers branch on.
var (
	// ErrFull refuses a block because the bound is reached. Retryable.
	ErrFull = errors.New("queue is full")
	// ErrStorage wraps the error of the file system that refused a block
	// (no space, I/O error). Nothing of the block stays behind. Retryable.
	ErrStorage = errors.New("queue storage failed")
	// ErrTooLarge refuses a block that could never be stored.
	ErrTooLarge = fmt.Errorf("block is too large for the queue: %w", point.ErrRefused)
	// ErrClosed is returned after Close, and by the cursors of removed
	// backends.
	ErrClosed = errors.New("queue is closed")
	// ErrLocked says that another process owns the queue.
	ErrLocked = errors.New("queue is in use")
	// ErrVersion says that a newer program wrote the queue.
	ErrVersion = errors.New("queue has a newer format")
)

// storage marks err as an error of the file system.
func storage(doing string, err error) error {
	return fmt.Errorf("%s: %w: %w", doing, ErrStorage, err)
}

// newer is the error for a format this program does not know.
func newer(where string, version uint8) error {
	return fmt.Errorf("%s: %w: version %d, this program knows up to %d", where, ErrVersion, version, formatVersion)
}
