package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	protov1 "datakit.dev/agent/plugins/proto/v1"
)

// maxInFlight bounds the blocks a host holds for one child, whatever window
// the child has in mind.
const maxInFlight = 64

// hostStream is the part of the stream that the host uses.
type hostStream interface {
	Recv() (*protov1.Frame, error)
	Send(*protov1.Ack) error
	CloseSend() error
}

// intake is the host's end of one stream.
//
// Blocks enter the sink in the order of the stream: the next one is put when
// the sink has taken the one before over (Block.Accepted), and does not wait
// until that one is durable.
type intake struct {
	stream  hostStream
	sink    point.BlockSink
	book    *ledger.Book
	tally   *Tally
	next    uint64 // seq that is due
	leaving string

	sending sync.Mutex
}

func newIntake(stream hostStream, sink point.BlockSink, book *ledger.Book, tally *Tally) *intake {
	return &intake{stream: stream, sink: sink, book: book, tally: tally, next: 1}
}

func (in *intake) run(ctx context.Context) error {
	var puts sync.WaitGroup
	defer puts.Wait()
	room := make(chan struct{}, maxInFlight)
	for {
		f, err := in.stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return tidy(ctx, err)
		}
		if f.GetSeq() != in.next {
			return fmt.Errorf("child sent frame %d where %d was due", f.GetSeq(), in.next)
		}
		in.next++
		if f.GetBlock() == nil {
			in.report(f)
			continue
		}
		block, err := blockFromProto(f.GetBlock())
		if err != nil {
			in.answer(&protov1.Ack{Seq: f.GetSeq(), Error: err.Error(), Permanent: true})
			continue
		}
		room <- struct{}{}
		taken := in.accept(block, f)
		puts.Go(func() {
			defer func() { <-room }()
			in.put(ctx, block, f.GetSeq(), taken)
		})
		<-taken
	}
}

// report applies counters that come without a block.
func (in *intake) report(f *protov1.Frame) {
	in.leaving = f.GetLeaving()
	in.book.Step(func() { in.tally.take(countersFromProto(f.GetCounters()), 0) })
	in.ack(f.GetSeq(), nil)
}

// accept makes the sink tell when it takes the block over; the channel is
// closed then.
func (in *intake) accept(b *point.Block, f *protov1.Frame) (taken chan struct{}) {
	taken = make(chan struct{})
	b.Accepted = func() {
		in.tally.take(countersFromProto(f.GetCounters()), b.Points)
		close(taken)
	}
	return taken
}

func (in *intake) put(ctx context.Context, b *point.Block, seq uint64, taken chan struct{}) {
	err := in.sink.Put(ctx, b)
	select {
	case <-taken:
		// The block is the sink's: an error that comes after that must not
		// make the child count it as its own again.
		err = nil
	default:
		close(taken)
		if err == nil {
			err = errors.New("the sink broke its contract: it took the block without calling Accepted")
		}
	}
	in.ack(seq, err)
}

// ack answers a frame.
func (in *intake) ack(seq uint64, err error) {
	a := &protov1.Ack{Seq: seq}
	if err != nil {
		a.Error, a.Permanent = err.Error(), errors.Is(err, point.ErrRefused)
	}
	in.answer(a)
}

// answer sends an acknowledgement. A stream that is gone shows at the next
// Recv.
func (in *intake) answer(a *protov1.Ack) {
	in.sending.Lock()
	defer in.sending.Unlock()
	_ = in.stream.Send(a) // fails only when Recv does
}
