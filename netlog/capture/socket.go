package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/netlog/packet"
)

// socket is a packet socket with its ring.
type socket struct {
	fd     int
	waker  int // eventfd that ends a wait
	memory []byte
}

// frameSize is what the kernel wants to know and ignores: in version 3 a
// frame is as long as its data.
const frameSize = 2048

// openSocket gives everything back when it fails.
func openSocket(c *Config) (*socket, error) {
	s := &socket{fd: -1, waker: -1}
	if err := s.open(c); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// open binds last, so that nothing is captured unfiltered.
func (s *socket) open(c *Config) (err error) {
	if s.fd, err = newSocket(c); err != nil {
		return err
	}
	if s.waker, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("create eventfd: %w", err)
	}
	if err := s.options(); err != nil {
		return err
	}
	if err := s.mapRing(c); err != nil {
		return err
	}
	if err := c.Filter.attach(s.fd, c.Link, c.SnapLen); err != nil {
		return err
	}
	return bind(s.fd, c.Index)
}

// newSocket makes a packet socket that gets nothing yet.
func newSocket(c *Config) (int, error) {
	kind := unix.SOCK_RAW
	if c.Link != packet.LinkEthernet {
		kind = unix.SOCK_DGRAM // without link headers, whatever they are
	}
	fd, err := unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, fmt.Errorf("create packet socket: %w", err)
	}
	if c.Loopback {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
			return -1, errors.Join(fmt.Errorf("set incoming only: %w", err), unix.Close(fd))
		}
	}
	return fd, nil
}

// bind makes a socket get what passes an interface.
func bind(fd, index int) error {
	address := unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: index}
	if err := unix.Bind(fd, &address); err != nil {
		return fmt.Errorf("bind to interface %d: %w", index, err)
	}
	return nil
}

func (s *socket) options() error {
	type option struct {
		what        string
		name, value int
	}
	all := []option{
		{"version 3", unix.PACKET_VERSION, unix.TPACKET_V3},
		{"room for a tag", unix.PACKET_RESERVE, tagSize},
	}
	for _, o := range all {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_PACKET, o.name, o.value); err != nil {
			return fmt.Errorf("set %s: %w", o.what, err)
		}
	}
	return nil
}

func (s *socket) mapRing(c *Config) error {
	request := unix.TpacketReq3{
		Block_size: uint32(c.BlockSize), Block_nr: uint32(c.Blocks),
		Frame_size: frameSize, Frame_nr: uint32(c.BlockSize / frameSize * c.Blocks),
		Retire_blk_tov: uint32(c.Timeout / time.Millisecond),
	}
	if err := unix.SetsockoptTpacketReq3(s.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		return fmt.Errorf("make ring of %d blocks of %d bytes: %w", c.Blocks, c.BlockSize, err)
	}
	var err error
	s.memory, err = unix.Mmap(s.fd, 0, c.BlockSize*c.Blocks, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map ring: %w", err)
	}
	return nil
}

// wait waits until a block is ready, or the socket is woken.
func (s *socket) wait(timeout time.Duration) error {
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}, {Fd: int32(s.waker), Events: unix.POLLIN}}
	_, err := unix.Poll(fds, int(timeout/time.Millisecond))
	if err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("wait for packets: %w", err)
	}
	if fds[0].Revents&unix.POLLERR == 0 {
		return nil
	}
	code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR) // and forget it
	switch {
	case err != nil:
		return fmt.Errorf("wait for packets: %w", err)
	case unix.Errno(code) == unix.ENETDOWN:
		return ErrDown
	case code != 0:
		return fmt.Errorf("wait for packets: %w", unix.Errno(code))
	}
	return nil
}

// wake ends a wait, now or to come.
func (s *socket) wake() {
	one := binary.NativeEndian.AppendUint64(nil, 1)
	_, _ = unix.Write(s.waker, one) // fails only when it was woken already
}

func (s *socket) close() error {
	var errs []error
	if s.memory != nil {
		errs = append(errs, unix.Munmap(s.memory))
	}
	for _, fd := range []int{s.fd, s.waker} {
		if fd >= 0 {
			errs = append(errs, unix.Close(fd))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close ring: %w", err)
	}
	return nil
}

func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}
