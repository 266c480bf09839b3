package rpc

import (
	"errors"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"datakit.dev/agent/internal/ledger"
	protov1 "datakit.dev/agent/plugins/proto/v1"
)

func TestIntakeRefusesBadBlocks(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*protov1.Block)
		want   string
	}{
		"category 0":       {func(b *protov1.Block) { b.Category = 0 }, "unknown category 0"},
		"category 300":     {func(b *protov1.Block) { b.Category = 258 }, "unknown category 258"},
		"encoding":         {func(b *protov1.Block) { b.Encoding = 3 }, "unknown encoding 3"},
		"no points":        {func(b *protov1.Block) { b.Points = 0 }, "holds 0 points"},
		"too many points":  {func(b *protov1.Block) { b.Points = math.MaxUint32 }, "holds 4294967295 points"},
		"no payload":       {func(b *protov1.Block) { b.Payload = nil }, "no payload"},
		"impossible bytes": {func(b *protov1.Block) { b.RawBytes = math.MaxUint64 }, "bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := frame(1, 1, "x")
			tc.change(bad.Block)
			list := &frames{list: []*protov1.Frame{bad, frame(2, 3, "y")}, end: errEOF}
			book, tally := &ledger.Book{}, &Tally{}
			sink := &shelf{book: book}
			if err := newIntake(list, sink, book, tally).run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(list.acks) != 2 || !strings.Contains(list.acks[0].GetError(), tc.want) || list.acks[1].GetError() != "" {
				t.Errorf("answers %v, want an error with %q and a success", list.acks, tc.want)
			}
			if sink.points != 3 || tally.Totals().Accepted != 3 {
				t.Errorf("the sink has %d points, the tally %d, want 3", sink.points, tally.Totals().Accepted)
			}
		})
	}
}

func TestIntakeEndsOnGapInSequence(t *testing.T) {
	list := &frames{list: []*protov1.Frame{frame(1, 1, "x"), frame(3, 1, "y")}, end: errEOF}
	book := &ledger.Book{}
	if err := newIntake(list, &shelf{book: book}, book, &Tally{}).run(t.Context()); err == nil {
		t.Error("a stream with a gap was taken: an acknowledgement could name the wrong block")
	}
}

// An outlet must not believe an acknowledgement it did not wait for.
func TestOutletRefusesForeignAck(t *testing.T) {
	book := &ledger.Book{}
	out := newOutlet(nil, book, 0)
	if err := out.settle(&protov1.Ack{Seq: 7}); err == nil {
		t.Error("no error")
	}
}

// FuzzFrames feeds arbitrary bytes as frames: whatever a broken child sends,
// the host neither panics nor counts a point that is not in the sink.
func FuzzFrames(f *testing.F) {
	good, err := proto.Marshal(&protov1.Frame{
		Seq: 1, Block: blockToProto(block(2, "x")),
		Counters: countersToProto(Counters{Captured: 3, Pending: 2, Dropped: map[string]int64{"full": 1}}),
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good, []byte{})
	f.Add([]byte{8, 1}, []byte{8, 2})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		list := &frames{end: errEOF}
		for _, raw := range [][]byte{a, b} {
			m := &protov1.Frame{}
			if proto.Unmarshal(raw, m) == nil {
				list.list = append(list.list, m)
			}
		}
		sent := len(list.list)
		book, tally := &ledger.Book{}, &Tally{}
		sink := &shelf{book: book}
		err := newIntake(list, sink, book, tally).run(t.Context())
		if err != nil && errors.Is(err, errEOF) {
			t.Errorf("the end of the stream came back as an error: %v", err)
		}
		if tally.Totals().Accepted != sink.points {
			t.Errorf("the tally says %d points, the sink has %d", tally.Totals().Accepted, sink.points)
		}
		if err == nil && len(list.acks) != sent {
			t.Errorf("%d answers for %d frames", len(list.acks), sent)
		}
	})
}
