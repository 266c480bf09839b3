//go:build prove

package capture

import (
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"datakit.dev/agent/netlog/nettest"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/track"
)

// TestWindows captures small TCP segments, sent as fast as one thread can,
// in ten windows of three seconds, and enters each into a table of
// connections. In every window what was handed on and what was dropped are
// what was sent; in nine of ten nothing is dropped. Rate and CPU time are
// logged: the reader's is that of its thread, kernel part included; the copy
// into the ring is the sender's.
func TestWindows(t *testing.T) {
	const windows, window = 10, 3 * time.Second
	w := nettest.New(t)
	near := w.Near.Link(t)
	// Addressed to another host: the stack drops them behind the ring, so that
	// the thread which sends does not answer them too.
	to := net.HardwareAddr{2, 0, 0, 0, 0, 0x99}
	const conns, segments, size = 100, 10, 64
	var frames [][]byte
	for i := range conns * segments {
		frames = append(frames, nettest.TCPFrame(near.HardwareAddr, to, uint16(20000+i/segments), uint32(i%segments*size), size))
	}
	var blast *nettest.Blaster
	w.Near.In(t, func() (err error) {
		blast, err = nettest.NewBlaster(near.Index, frames)
		return err
	})
	defer blast.Close()
	must(t, blast.Bypass())
	r := open(t, w.Far, Config{Timeout: 50 * time.Millisecond, SnapLen: 256, Wait: 300 * time.Millisecond, Filter: Filter{Classic: discard(t)}})
	table := track.New(track.Config{})
	clean, before, sent, entered := 0, Stats{}, int64(0), int64(0)
	for i := range windows {
		var stop atomic.Bool
		var reader sync.WaitGroup
		var cpu time.Duration
		reader.Go(func() {
			runtime.LockOSThread()
			begin := threadCPU(t)
			for {
				n, err := r.Next(func(p *packet.Packet) {
					if _, ok := table.Packet(p); ok {
						entered++
					}
				})
				if err != nil {
					t.Error(err)
					return
				}
				if n == 0 && stop.Load() {
					break
				}
			}
			cpu = threadCPU(t) - begin
		})
		begin, count := time.Now(), int64(0)
		for time.Since(begin) < window {
			n, err := blast.Send(len(frames))
			must(t, err)
			count += int64(n)
			if n != len(frames) {
				t.Fatalf("%d of %d frames sent at once", n, len(frames))
			}
			for _, f := range frames {
				nettest.Advance(f, segments*size)
			}
		}
		elapsed := time.Since(begin)
		stop.Store(true)
		reader.Wait()
		sent += count
		s := r.Stats()
		dropped := s.Dropped - before.Dropped
		t.Logf("window %d: %.2f million packets per second, %d dropped, %.3f CPU-s per million", i+1,
			float64(count)/elapsed.Seconds()/1e6, dropped, cpu.Seconds()/float64(count)*1e6)
		if s.Received != sent || s.Delivered+s.Dropped != sent || s.Waiting() != 0 {
			t.Errorf("window %d: %d sent so far, %+v", i+1, sent, s)
		}
		if dropped == 0 {
			clean++
		}
		before = s
	}
	if entered != before.Delivered || table.Stats().Open != conns {
		t.Errorf("%d of %d packets entered, %d connections", entered, before.Delivered, table.Stats().Open)
	}
	if clean < windows*9/10 {
		t.Errorf("nothing dropped in %d of %d windows, want 9", clean, windows)
	}
}
