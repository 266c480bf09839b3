package capture

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/netlog/packet"
)

// ErrDown is returned while an interface is down or gone; a ring goes on when
// it comes up again.
var ErrDown = errors.New("interface is down")

// Ring captures from one interface into memory shared with the kernel.
type Ring struct {
	config  Config
	socket  *socket
	counter *counter // nil without a classic filter that has one

	closed  atomic.Bool
	mu      sync.Mutex // of the memory: held while packets are handed on
	current int        // block that is next
	blocks  uint       // handed on
	decoder packet.Decoder
	packet  packet.Packet

	statsMu sync.Mutex
	stats   Stats
}

var _ Source = (*Ring)(nil)

// Open starts capturing from an interface of the network namespace that the
// calling thread is in (bpf.Netns.In). It needs CAP_NET_RAW there.
func Open(c Config) (*Ring, error) {
	if err := c.normalize(os.Getpagesize()); err != nil {
		return nil, err
	}
	s, err := openSocket(&c)
	if err != nil {
		return nil, fmt.Errorf("open ring: %w", err)
	}
	r := &Ring{config: c, socket: s}
	if c.Filter.Counter != nil {
		if r.counter, err = openCounter(&c); err != nil {
			return nil, errors.Join(err, s.close())
		}
	}
	return r, nil
}

// Next hands on the packets of the next block.
func (r *Ring) Next(do func(*packet.Packet)) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed.Load() {
		return 0, os.ErrClosed
	}
	b := r.block(r.current)
	if !b.ready() {
		err := r.socket.wait(r.config.Wait)
		switch {
		case r.closed.Load():
			return 0, os.ErrClosed
		case b.ready(): // first of all what there is
		case err != nil:
			return 0, err
		default:
			return 0, nil
		}
	}
	n := r.drain(b, do)
	b.release()
	r.current = (r.current + 1) % r.config.Blocks
	r.statsMu.Lock()
	r.stats.Delivered += int64(n)
	r.stats.Refused = r.decoder.Refused
	if r.blocks++; r.blocks%countEvery == 0 {
		r.count()
	}
	r.statsMu.Unlock()
	return n, nil
}

func (r *Ring) block(i int) block {
	return block(r.socket.memory[i*r.config.BlockSize:][:r.config.BlockSize:r.config.BlockSize])
}

// drain decodes and hands on what is in a block.
func (r *Ring) drain(b block, do func(*packet.Packet)) (n int) {
	p, link := &r.packet, r.config.Link
	p.Interface = r.config.Tag
	for f := range b.frames() {
		data, wire := f.data(link == packet.LinkEthernet)
		p.Time, p.Dir = f.time(), f.direction()
		if r.decoder.Decode(data, wire, link, p) == nil {
			n++
			do(p)
		}
	}
	return n
}

// Stats asks the kernel for its counters and adds them up.
func (r *Ring) Stats() Stats {
	r.statsMu.Lock()
	defer r.statsMu.Unlock()
	if r.socket != nil {
		r.count()
	}
	return r.stats
}

// countEvery is after how many blocks the kernel's counters are read at the
// latest: they have 32 bits.
const countEvery = 1024

// count adds what the kernel counted since it was last asked: packets
// include those dropped (packet_getsockopt of af_packet.c).
func (r *Ring) count() {
	r.stats.Filtered = r.counter.count()
	s, err := unix.GetsockoptTpacketStatsV3(r.socket.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return // never for a socket with a ring
	}
	r.stats.Received += int64(s.Packets)
	r.stats.Dropped += int64(s.Drops)
	r.stats.Freezes += int64(s.Freeze_q_cnt)
}

// Close stops capturing. What is in the ring is lost, and counts as waiting
// for ever.
func (r *Ring) Close() error {
	if r.closed.Swap(true) {
		return nil
	}
	r.socket.wake()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statsMu.Lock()
	defer r.statsMu.Unlock()
	r.count()
	err := errors.Join(r.socket.close(), r.counter.close())
	r.socket, r.counter = nil, nil
	return err
}
