package queue

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"datakit.dev/agent/internal/ledger"
)

// Policy says what [Queue.Put] does when the bound is reached.
type Policy uint8

const (
	// DropOldest deletes the oldest segment of the category that holds the
	// most. Only the cursors that lag lose blocks; their points count as
	// dropped with reason [QueueFull].
	DropOldest Policy = iota
	// Block waits for the backends.
	Block
)

// Reasons the queue itself drops points for.
const (
	QueueFull = "queue_full" // the bound was reached
	Damaged   = "damaged"    // the record was damaged or missing
)

// Defaults of [Config].
const (
	DefaultMaxBytes     = 2 << 30
	DefaultSegmentBytes = 16 << 20
)

// Config says where and how a queue keeps its blocks.
type Config struct {
	Dir string // created if missing, mode 0700

	// MaxBytes bounds the segments of all categories together; 0 means
	// [DefaultMaxBytes]. Each category can always hold a 64th of it, the
	// rest goes to whoever needs it.
	MaxBytes int64
	// SegmentBytes is the size at which a new segment begins; 0 means
	// [DefaultSegmentBytes]. It is lowered to a 64th of MaxBytes, because
	// whole segments are what is dropped when the queue is full.
	SegmentBytes int64
	// MinFree is the free space of the file system, in bytes, below which
	// no new segment begins (Put then fails with [ErrStorage]).
	MinFree int64
	// SyncInterval is the longest time a block stays only in the page
	// cache. 0 means: fsync before every acknowledgement, concurrent ones
	// together.
	SyncInterval time.Duration
	WhenFull     Policy

	Book *ledger.Book // all counters move within its steps
	Log  *slog.Logger
	Now  func() time.Time

	file fileOps // replaced by tests that inject faults
}

// minSegment keeps tiny bounds usable.
const minSegment = 4 << 10

// normalise fills in the defaults and checks the rest.
func (c *Config) normalise() error {
	if c.Dir == "" {
		return errors.New("queue needs a directory")
	}
	for name, v := range map[string]int64{
		"MaxBytes": c.MaxBytes, "SegmentBytes": c.SegmentBytes, "MinFree": c.MinFree, "SyncInterval": int64(c.SyncInterval),
	} {
		if v < 0 {
			return fmt.Errorf("%s of the queue is %d: must not be negative", name, v)
		}
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = DefaultSegmentBytes
	}
	c.SegmentBytes = max(min(c.SegmentBytes, c.MaxBytes/shares), minSegment)
	if c.Book == nil {
		c.Book = new(ledger.Book)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.file.normalise()
	return nil
}
