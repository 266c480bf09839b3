package feed

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// Defaults of [Config]. The body of 1000 points and 1 MiB is what DataKit
// sends and what its backends are built for.
const (
	DefaultMaxPoints = 1000
	DefaultMaxRaw    = 1 << 20
	DefaultLinger    = 200 * time.Millisecond
	DefaultWindow    = 8
	DefaultLevel     = 1
)

// Reasons a Keep function gives that have a line of their own in the ledger.
// Any other reason counts as a drop.
const (
	Filtered = "filtered"
	Sampled  = "sampled"
)

// Reasons for drops that the feed itself has.
const (
	DroppedNoFields = "no_fields" // the point rules left no field
	DroppedRefused  = "refused"   // the sink will never take the block
	DroppedShutdown = "shutdown"  // the sink did not take the block before the deadline of Close
)

// Config says how points become blocks and where the blocks go.
type Config struct {
	Name string          // for logs
	Out  point.BlockSink // takes the blocks
	Book *ledger.Book    // the counters move in its steps

	Tags      map[string]string // global tags
	MaxPoints int               // points per block
	MaxRaw    int               // bytes of line protocol per block; a larger point goes alone
	Linger    time.Duration     // how long a point waits for others, at most
	Window    int               // blocks that the sink has not finished with, before Feed waits

	Encoding point.Encoding // Gzip or Zstd; the zero value means Gzip
	Level    int            // of the compression: 1 (fast) to 9

	// Keep, when set, is asked about every point given to Feed, and may
	// change it. A reason goes with every point that is not kept. It is
	// called for one point of a category at a time.
	Keep func(c point.Category, p *point.Point) (keep bool, reason string)

	Now func() time.Time // nil means time.Now
	Log *slog.Logger     // nil means none
}

func (c *Config) normalise() error {
	if c.Out == nil || c.Book == nil {
		return errors.New("feed needs a sink and a book")
	}
	for _, v := range []struct {
		name            string
		value           *int
		standard, limit int
	}{
		{"MaxPoints", &c.MaxPoints, DefaultMaxPoints, 1 << 20},
		{"MaxRaw", &c.MaxRaw, DefaultMaxRaw, 64 << 20},
		{"Window", &c.Window, DefaultWindow, 1 << 16},
		{"Level", &c.Level, DefaultLevel, 9},
	} {
		if *v.value == 0 {
			*v.value = v.standard
		}
		if *v.value < 1 || *v.value > v.limit {
			return fmt.Errorf("%s is %d, want 1 to %d", v.name, *v.value, v.limit)
		}
	}
	switch c.Encoding {
	case point.Identity:
		c.Encoding = point.Gzip
	case point.Gzip, point.Zstd:
	default:
		return fmt.Errorf("encoding %d is not known", c.Encoding)
	}
	if c.Linger == 0 {
		c.Linger = DefaultLinger
	}
	if c.Linger < 0 {
		return fmt.Errorf("linger is %v, want a positive time", c.Linger)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Log = c.Log.With("feed", c.Name)
	return nil
}
