package capture

import (
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/nettest"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/track"
)

// Small segments of TCP, as many as one thread can make the kernel send. They
// are addressed to another host: the stack drops them behind the ring, so that
// the sending thread does not answer them too.
const (
	flood    = 8   // connections, and frames of one system call
	segments = 400 // of a frame
	size     = 64  // bytes of a segment
)

// flooder sends from one host of a world to the other.
func flooder(t testing.TB, w *nettest.World) *nettest.Blaster {
	t.Helper()
	near := w.Near.Link(t)
	var frames [][]byte
	for i := range flood {
		to := net.HardwareAddr{2, 0, 0, 0, 0, 0x99}
		frames = append(frames, nettest.TCPFrame(near.HardwareAddr, to, uint16(20000+i), 0, segments*size))
	}
	var b *nettest.Blaster
	w.Near.In(t, func() (err error) {
		if err := nettest.WholeOff(w.Near.Name); err != nil {
			return err
		}
		b, err = nettest.NewSegmented(near.Index, frames, size)
		return err
	})
	t.Cleanup(func() { b.Close() })
	return b
}

// sendFor sends for a while and returns how many segments there were: those
// that did not fit into the queue of the receiving processor, which is before
// the ring, do not count.
func sendFor(t testing.TB, w *nettest.World, b *nettest.Blaster, d time.Duration) (sent int64) {
	t.Helper()
	dropped := w.Near.Link(t).Statistics.TxDropped
	for begin := time.Now(); time.Since(begin) < d; {
		n, err := b.Send(flood)
		must(t, err)
		if n != flood {
			t.Fatalf("%d of %d frames sent at once", n, flood)
		}
		sent += flood * segments
		for _, f := range b.Frames() {
			nettest.Advance(f, segments*size)
		}
	}
	return sent - int64(w.Near.Link(t).Statistics.TxDropped-dropped)
}

// window is what a while of sending came to.
type window struct {
	sent, dropped int64
	elapsed, cpu  time.Duration // of the reading thread, its system calls included; the copy into the ring is the sender's
}

// windows sends for a while, several times, captures, and enters each packet
// into a table of connections. What was handed on and what was dropped have
// to be what was sent.
func windows(t *testing.T, number int, length time.Duration) (all []window) {
	t.Helper()
	w := nettest.New(t)
	b := flooder(t, w)
	r := open(t, w.Far, Config{Timeout: 50 * time.Millisecond, SnapLen: 256, Wait: 300 * time.Millisecond, Filter: Filter{Classic: discard(t)}})
	table := track.New(track.Config{})
	total, entered := int64(0), int64(0)
	for range number {
		var stop atomic.Bool
		var reader sync.WaitGroup
		var this window
		before := r.Stats()
		reader.Go(func() {
			runtime.LockOSThread() // and let the thread end with it
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
			this.cpu = threadCPU(t) - begin
		})
		begin := time.Now()
		this.sent = sendFor(t, w, b, length)
		this.elapsed = time.Since(begin)
		stop.Store(true)
		reader.Wait()
		total += this.sent
		s := r.Stats()
		this.dropped = s.Dropped - before.Dropped
		if s.Received != total || s.Delivered+s.Dropped != total || s.Waiting() != 0 {
			t.Errorf("%d sent so far, %+v", total, s)
		}
		all = append(all, this)
	}
	if s := r.Stats(); entered != s.Delivered || table.Stats().Open != flood {
		t.Errorf("%d of %d packets entered, %d connections", entered, s.Delivered, table.Stats().Open)
	}
	return all
}

// At the highest rate each packet is handed on or counted as dropped.
func TestRate(t *testing.T) {
	for _, w := range windows(t, 3, 200*time.Millisecond) {
		t.Log(w)
	}
}

func threadCPU(t testing.TB) time.Duration {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &usage); err != nil {
		t.Error(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// String is the rate, what was dropped and the CPU time per packet.
func (w window) String() string {
	return fmt.Sprintf("%.2f million packets per second, %d dropped, %.3f CPU-s per million",
		float64(w.sent)/w.elapsed.Seconds()/1e6, w.dropped, w.cpu.Seconds()/float64(max(w.sent-w.dropped, 1))*1e6)
}
