package capture

import (
	"encoding/binary"
	"errors"
	"golang.org/x/net/bpf"
	"os"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/netlog/packet"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open captures on the interface of a host.
func open(t testing.TB, h *nettest.Host, c Config) *Ring {
	t.Helper()
	c.Index = h.Link(t).Index
	if c.Link == 0 {
		c.Link = packet.LinkEthernet
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Millisecond
	}
	var r *Ring
	h.In(t, func() (err error) {
		r, err = Open(c)
		return err
	})
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// blaster sends frames from one host of a world to the other.
func blaster(t testing.TB, w *nettest.World, frames int, payload int) *nettest.Blaster {
	t.Helper()
	near, far := w.Near.Link(t), w.Far.Link(t)
	all := make([][]byte, frames)
	for i := range all {
		all[i] = nettest.UDPFrame(near.HardwareAddr, far.HardwareAddr, uint32(i), payload)
	}
	var b *nettest.Blaster
	w.Near.In(t, func() (err error) {
		b, err = nettest.NewBlaster(near.Index, all)
		return err
	})
	t.Cleanup(func() { b.Close() })
	return b
}

// sendAll sends exactly n frames.
func sendAll(t testing.TB, b *nettest.Blaster, n int) {
	t.Helper()
	for n > 0 {
		sent, err := b.Send(n)
		must(t, err)
		n -= sent
	}
}

// Every frame that was sent arrives once, in order, on both sides, with its
// direction, times that do not go back, and its content.
func TestRingBothSides(t *testing.T) {
	w := nettest.New(t)
	const frames = 3000
	near, far := open(t, w.Near, Config{Tag: 1}), open(t, w.Far, Config{Tag: 2})
	b := blaster(t, w, 1000, 32)
	sendAll(t, b, frames)
	for _, side := range []struct {
		ring *Ring
		tag  int
		dir  packet.Direction
	}{{near, 1, packet.Tx}, {far, 2, packet.Rx}} {
		next, last := uint32(0), int64(0)
		collect(t, side.ring, frames, func(p *packet.Packet) {
			if p.DstPort != 9 {
				return // of the kernel's own: neighbour discovery, ICMP
			}
			if p.Interface != side.tag || p.Dir != side.dir || p.Time < last || p.PayloadLen != 32 || p.Wire != 74 {
				t.Fatalf("frame %d: %+v", next, p)
			}
			if number := binary.BigEndian.Uint32(p.Payload); number != next%1000 {
				t.Fatalf("frame %d is number %d", next, number)
			}
			next, last = next+1, p.Time
		})
		if now := time.Now().UnixNano(); last > now || last < now-int64(time.Minute) {
			t.Errorf("time of the last frame is %v", time.Unix(0, last))
		}
		if next != frames {
			t.Errorf("%v: %d frames, want %d", side.dir, next, frames)
		}
	}
}

// collect hands on packets until n UDP packets to port 9 have come, or none
// has for a while.
func collect(t testing.TB, r *Ring, n int, do func(*packet.Packet)) {
	t.Helper()
	for got := 0; got < n; {
		k, err := r.Next(func(p *packet.Packet) {
			if p.DstPort == 9 {
				got++
			}
			do(p)
		})
		must(t, err)
		if k == 0 {
			return
		}
	}
}

// A ring that nobody reads becomes full: what it drops and what it holds are
// exactly what was sent.
func TestRingCountsDrops(t *testing.T) {
	w := nettest.New(t)
	const frames = 40000
	r := open(t, w.Far, Config{BlockSize: 64 << 10, Blocks: 4, Filter: Filter{Classic: discard(t)}})
	b := blaster(t, w, 500, 100)
	for round := range int64(2) { // it goes on afterwards
		sendAll(t, b, frames)
		before := r.Stats()
		delivered := int64(0)
		collect(t, r, frames, func(*packet.Packet) { delivered++ })
		s := r.Stats()
		if s.Dropped == before.Delivered || s.Freezes <= round || delivered == 0 {
			t.Fatalf("nothing dropped: %+v", s)
		}
		if s.Received != frames*(round+1) || s.Received != s.Delivered+s.Dropped || s.Waiting() != 0 {
			t.Errorf("%d sent, %+v, waiting %d", frames*(round+1), s, s.Waiting())
		}
		if before.Waiting() != delivered || s.Delivered != before.Delivered+delivered {
			t.Errorf("%+v, then %d handed on: %+v", before, delivered, s)
		}
	}
}

// discard is a filter that keeps 200 bytes of IPv4 datagrams to port 9.
func discard(t testing.TB) []bpf.RawInstruction {
	t.Helper()
	raw, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 36, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 9, SkipFalse: 1},
		bpf.RetConstant{Val: 200},
		bpf.RetConstant{Val: 0},
	})
	must(t, err)
	return raw
}

func TestCloseEndsWaiting(t *testing.T) {
	w := nettest.New(t)
	r := open(t, w.Near, Config{Wait: time.Hour})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			_, err := r.Next(func(*packet.Packet) {})
			if errors.Is(err, os.ErrClosed) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	must(t, r.Close())
	wg.Wait()
	must(t, r.Close())
	if _, err := r.Next(nil); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}
