package nettest

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// UDPFrame is an Ethernet frame with an IPv4 UDP datagram from 10.78.0.1 to
// 10.78.0.2, whose source port and payload tell which one it is.
func UDPFrame(source, destination net.HardwareAddr, number uint32, payload int) []byte {
	b := make([]byte, 14+20+8+payload)
	copy(b, destination)
	copy(b[6:], source)
	binary.BigEndian.PutUint16(b[12:], unix.ETH_P_IP)
	ip := b[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, unix.IPPROTO_UDP
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	from, to := netip.MustParseAddr("10.78.0.1").As4(), netip.MustParseAddr("10.78.0.2").As4()
	copy(ip[12:], from[:])
	copy(ip[16:], to[:])
	binary.BigEndian.PutUint16(ip[10:], ipChecksum(ip[:20]))
	udp := ip[20:]
	binary.BigEndian.PutUint16(udp, uint16(10000+number%1000))
	binary.BigEndian.PutUint16(udp[2:], 9)
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	if payload >= 4 {
		binary.BigEndian.PutUint32(udp[8:], number)
	}
	return b
}

func ipChecksum(header []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(header); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// Blaster sends frames from an interface as fast as the machine can.
type Blaster struct {
	fd       int
	messages []mmsghdr
	vectors  []unix.Iovec
	pinned   [][]byte
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
	b := &Blaster{fd: fd, messages: make([]mmsghdr, len(frames)), vectors: make([]unix.Iovec, len(frames)), pinned: frames}
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

// Bypass sends past the queue of the interface (PACKET_QDISC_BYPASS), which
// is faster, and past the packet sockets that listen on it.
func (b *Blaster) Bypass() error {
	return unix.SetsockoptInt(b.fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1)
}

// Close closes the socket.
func (b *Blaster) Close() error { return unix.Close(b.fd) }
