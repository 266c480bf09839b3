package point

import (
	"context"
	"errors"
)

// ErrRefused is wrapped by the error of a sink that will never take a block.
// After any other error the same block may be put again.
var ErrRefused = errors.New("block refused for good")

// Sink takes points from collectors. Feed takes ownership of pts and of all
// memory reachable from it. It blocks while the next stage is full and
// returns an error only when the points were not taken (ctx ended, or the
// agent is stopping).
type Sink interface {
	Feed(ctx context.Context, c Category, pts []Point) error
}

// Storer is a [Sink] for collectors that keep a position in what they read,
// and may move it only when the points before it cannot be lost any more.
type Storer interface {
	// Store makes one block of pts and returns nil once it is durable. After
	// an error the points may be stored again; only when ctx ended before
	// the answer came can that double them. It takes ownership of pts.
	Store(ctx context.Context, c Category, pts []Point) error
}

// BlockSink takes finished blocks. Put returns nil once the block is durable
// (in the file of the queue, or acknowledged by the other end); then and only
// then its points may be reported as accepted. It takes ownership of b and is
// safe for concurrent use.
type BlockSink interface {
	Put(ctx context.Context, b *Block) error
}
