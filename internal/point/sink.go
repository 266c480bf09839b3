package point

import "context"

// Sink takes points from collectors. Feed takes ownership of pts and of all
// memory reachable from it. It blocks while the next stage is full and
// returns an error only when the points were not taken (ctx ended, or the
// agent is stopping).
type Sink interface {
	Feed(ctx context.Context, c Category, pts []Point) error
}

// BlockSink takes finished blocks. Put returns nil once the block is durable
// (in the file of the queue, or acknowledged by the other end); then and only
// then its points may be reported as accepted. It takes ownership of b and is
// safe for concurrent use.
type BlockSink interface {
	Put(ctx context.Context, b *Block) error
}
