package nettest

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// NewSegmented sends frames of TCP that the kernel cuts into segments of size
// bytes each on their way (virtio_net_hdr of packet(7)), the cheapest way to
// many small packets. The interface must not take them whole: see WholeOff.
func NewSegmented(index int, frames [][]byte, size int) (*Blaster, error) {
	b, err := NewBlaster(index, frames)
	if err != nil {
		return nil, err
	}
	if err := unix.SetsockoptInt(b.fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
		b.Close()
		return nil, fmt.Errorf("set PACKET_VNET_HDR: %w", err)
	}
	// struct virtio_net_hdr: flags, type, length of the headers, of a segment,
	// where the checksum begins and where in it it is kept.
	const needsChecksum, tcpv4, ethernetIP, tcp, checksum = 1, 1, 34, 32, 16
	header := []byte{needsChecksum, tcpv4}
	for _, v := range []int{ethernetIP + tcp, size, ethernetIP, checksum} {
		header = binary.NativeEndian.AppendUint16(header, uint16(v))
	}
	b.header = header
	b.vectors = make([]unix.Iovec, 2*len(frames))
	for i, f := range frames {
		pair := b.vectors[2*i : 2*i+2]
		pair[0].Base, pair[1].Base = &header[0], &f[0]
		pair[0].SetLen(len(header))
		pair[1].SetLen(len(f))
		b.messages[i].hdr = unix.Msghdr{Iov: &pair[0]}
		b.messages[i].hdr.SetIovlen(2)
	}
	return b, nil
}

// WholeOff makes an interface of the namespace of the calling thread refuse
// packets longer than its MTU, which then are segmented before it
// (ETHTOOL_STSO).
func WholeOff(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	value := struct{ command, data uint32 }{unix.ETHTOOL_STSO, 0}
	request := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&value)}
	copy(request.name[:unix.IFNAMSIZ-1], name)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return fmt.Errorf("turn segmentation by %s off: %w", name, errno)
	}
	return nil
}
