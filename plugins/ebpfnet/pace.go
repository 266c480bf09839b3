package ebpfnet

import (
	"time"

	"golang.org/x/sys/unix"
)

// How often the ring is looked at: it holds what 300,000 requests a second
// leave in 30 ms. While nothing comes, less often. While much comes, more
// often: whoever waits for the core waits for the whole of a round.
const (
	busyPoll  = 2 * time.Millisecond
	ringPoll  = 10 * time.Millisecond
	idlePoll  = 20 * time.Millisecond
	idleAfter = 50 // rounds that found nothing

	// A round takes about 250 ns per packet, a wake-up 40 to 100 µs.
	busyFrom = 1000 // packets found after ringPoll
	busyTo   = 100  // and after busyPoll, below which it is not worth the wake-ups
)

// pace says when to look next.
type pace struct {
	period time.Duration // since the look before; 0: ringPoll
	empty  int           // rounds without a packet
}

// next returns the time until the next look, after a round that found n packets.
func (p *pace) next(n int) time.Duration {
	if n > 0 {
		p.empty = 0
	} else if p.empty < idleAfter {
		p.empty++
	}
	switch {
	case p.empty == idleAfter:
		p.period = idlePoll
	case n >= busyFrom || p.period == busyPoll && n >= busyTo:
		p.period = busyPoll
	default:
		p.period = ringPoll
	}
	return p.period
}

// nap sleeps in the kernel, and may end early. A timer of the runtime is seen
// by whichever thread looks for one next, which under load is late: the 99th
// percentile of the requests of others is a third higher with it.
func nap(d time.Duration) {
	t := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&t, nil) // EINTR
}
