package nettest

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Blaster sends frames from an interface as fast as the machine can.
type Blaster struct {
	fd       int
	messages []mmsghdr
	vectors  []unix.Iovec
	frames   [][]byte
	header   []byte // in front of each, of NewSegmented
}

// mmsghdr is struct mmsghdr of socket.h on 64-bit machines.
type mmsghdr struct {
	hdr    unix.Msghdr
	length uint32
	_      [4]byte
}

// NewBlaster opens a packet socket on an interface of the namespace of the
// calling thread. It sends the frames, at most 1024 (UIO_MAXIOV), all in one
// system call, again and again.
func NewBlaster(index int, frames [][]byte) (*Blaster, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("create packet socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index}); err != nil {
		return nil, fmt.Errorf("bind to interface %d: %w", index, err)
	}
	b := &Blaster{fd: fd, messages: make([]mmsghdr, len(frames)), vectors: make([]unix.Iovec, len(frames)), frames: frames}
	for i, f := range frames {
		b.vectors[i] = unix.Iovec{Base: &f[0]}
		b.vectors[i].SetLen(len(f))
		b.messages[i].hdr = unix.Msghdr{Iov: &b.vectors[i]}
		b.messages[i].hdr.SetIovlen(1)
	}
	return b, nil
}

// Send sends at most all frames once, and returns how many the kernel took.
func (b *Blaster) Send(limit int) (int, error) {
	limit = min(limit, len(b.messages))
	n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(b.fd), uintptr(unsafe.Pointer(&b.messages[0])), uintptr(limit), 0, 0, 0)
	if errno != 0 {
		return 0, fmt.Errorf("send frames: %w", errno)
	}
	return int(n), nil
}

// Frames are what is sent, to be changed between two calls of Send.
func (b *Blaster) Frames() [][]byte { return b.frames }

// Bypass sends past the queue of the interface (PACKET_QDISC_BYPASS), which
// is faster, and past the packet sockets that listen on it.
func (b *Blaster) Bypass() error {
	return unix.SetsockoptInt(b.fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1)
}

// Close closes the socket.
func (b *Blaster) Close() error { return unix.Close(b.fd) }
