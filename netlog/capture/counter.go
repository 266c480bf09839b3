package capture

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// counter counts what a classic filter drops, which cannot count: a second
// socket runs the opposite filter and has no room, so that the kernel copies
// nothing and counts all (packet_rcv of af_packet.c). The first packets, less
// than SOCK_MIN_RCVBUF, stay in its queue.
type counter struct {
	fd    int
	total int64
}

// openCounter gives everything back when it fails.
func openCounter(c *Config) (*counter, error) {
	fd, err := newSocket(c)
	if err != nil {
		return nil, err
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 0) // the least that is possible
	if err == nil {
		err = attachClassic(fd, c.Link, c.Filter.Counter)
	}
	if err == nil {
		err = bind(fd, c.Index)
	}
	if err != nil {
		return nil, fmt.Errorf("open counter: %w", errors.Join(err, unix.Close(fd)))
	}
	return &counter{fd: fd}, nil
}

// count adds what came since it was last asked.
func (c *counter) count() int64 {
	if c == nil {
		return 0
	}
	if s, err := unix.GetsockoptTpacketStats(c.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil { // never fails
		c.total += int64(s.Packets)
	}
	return c.total
}

func (c *counter) close() error {
	if c == nil {
		return nil
	}
	return unix.Close(c.fd)
}
