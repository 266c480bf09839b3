package rpc

import (
	"context"
	"fmt"
	"sync"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	protov1 "datakit.dev/agent/plugins/proto/v1"
)

// DefaultWindow is how many frames may wait for their acknowledgement. It
// bounds the memory on both sides and covers the time of an fsync.
const DefaultWindow = 16

// Outlet is the child's end of the stream: a [point.BlockSink] whose Put
// returns when the host has made the block durable. Frames beyond the window
// wait; nothing is dropped here.
type Outlet struct {
	book *ledger.Book
	room chan struct{} // one token per frame in flight
	done chan struct{} // closed when the stream has ended
	once sync.Once
	err  error // why; set before done is closed

	sending sync.Mutex // keeps seq, counters and the order on the wire together
	stream  frameSender
	seq     uint64
	read    func() Counters

	mu      sync.Mutex
	waiting map[uint64]*delivery
}

// frameSender is the part of the stream that Put uses.
type frameSender interface {
	Send(*protov1.Frame) error
}

// delivery is a frame in flight.
type delivery struct {
	accepted func() // of the block; nil when none
	answer   chan error
}

func newOutlet(stream frameSender, book *ledger.Book, window int) *Outlet {
	if window <= 0 {
		window = DefaultWindow
	}
	return &Outlet{
		book: book, stream: stream, waiting: map[uint64]*delivery{},
		room: make(chan struct{}, window), done: make(chan struct{}),
	}
}

// SetCounters says how to read the child's counters, which travel with every
// frame. Call it before the first Put. read runs within [ledger.Book.View].
func (o *Outlet) SetCounters(read func() Counters) { o.read = read }

// Put sends a block and waits until the host has it. Once the block is on
// its way ctx no longer matters, only the answer or the end of the stream
// does: an error then means that the host did not take the block, that it
// never will ([point.ErrRefused]), or that it is gone ([ErrShutdown]).
func (o *Outlet) Put(ctx context.Context, b *point.Block) error {
	return o.deliver(ctx, &protov1.Frame{Block: blockToProto(b)}, b.Accepted)
}

// Report sends the counters alone, so that the host's account is right also
// while no block flows. leaving, when not empty, tells the host that the
// child is about to exit by itself, and why.
func (o *Outlet) Report(ctx context.Context, leaving string) error {
	return o.deliver(ctx, &protov1.Frame{Leaving: leaving}, nil)
}

func (o *Outlet) deliver(ctx context.Context, f *protov1.Frame, accepted func()) error {
	select {
	case o.room <- struct{}{}:
		defer func() { <-o.room }()
	case <-ctx.Done():
		return ctx.Err()
	case <-o.done:
		return o.err
	}
	d := &delivery{accepted: accepted, answer: make(chan error, 1)}
	if err := o.send(f, d); err != nil {
		return err
	}
	select {
	case err := <-d.answer:
		return err
	case <-o.done:
		return o.err
	}
}

func (o *Outlet) send(f *protov1.Frame, d *delivery) error {
	o.sending.Lock()
	defer o.sending.Unlock()
	o.seq++
	f.Seq = o.seq
	if o.read != nil {
		o.book.View(func() { f.Counters = countersToProto(o.read()) })
	}
	o.mu.Lock()
	o.waiting[f.Seq] = d
	o.mu.Unlock()
	if err := o.stream.Send(f); err != nil {
		o.close(ErrShutdown)
		return ErrShutdown
	}
	return nil
}

// ackReceiver is the part of the stream that readAcks uses.
type ackReceiver interface {
	Recv() (*protov1.Ack, error)
}

// readAcks hands acknowledgements to those who wait until the stream ends.
func (o *Outlet) readAcks(stream ackReceiver) {
	for {
		ack, err := stream.Recv()
		if err != nil {
			o.close(ErrShutdown)
			return
		}
		if err := o.settle(ack); err != nil {
			o.close(err)
			return
		}
	}
}

func (o *Outlet) settle(ack *protov1.Ack) error {
	o.mu.Lock()
	d := o.waiting[ack.GetSeq()]
	delete(o.waiting, ack.GetSeq())
	o.mu.Unlock()
	switch {
	case d == nil:
		return fmt.Errorf("host acknowledged frame %d, which is not in flight", ack.GetSeq())
	case ack.GetPermanent():
		d.answer <- fmt.Errorf("%w: %s", point.ErrRefused, ack.GetError())
	case ack.GetError() != "":
		d.answer <- fmt.Errorf("host did not take the block: %s", ack.GetError())
	default:
		if d.accepted != nil {
			o.book.Step(d.accepted)
		}
		d.answer <- nil
	}
	return nil
}

// Done is closed when the stream has ended: the host is gone, or Collect has
// returned.
func (o *Outlet) Done() <-chan struct{} { return o.done }

func (o *Outlet) close(err error) {
	o.once.Do(func() {
		o.err = err
		close(o.done)
	})
}
