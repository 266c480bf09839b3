package nettest

import (
	"encoding/binary"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// frame is an Ethernet frame with an IPv4 packet from 10.78.0.1 to 10.78.0.2,
// and where its payload lies.
func frame(source, destination net.HardwareAddr, protocol byte, payload int) (b, inside []byte) {
	b = make([]byte, 14+20+payload)
	copy(b, destination)
	copy(b[6:], source)
	binary.BigEndian.PutUint16(b[12:], unix.ETH_P_IP)
	ip := b[14:]
	ip[0], ip[8], ip[9] = 0x45, 64, protocol
	binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
	from, to := netip.MustParseAddr("10.78.0.1").As4(), netip.MustParseAddr("10.78.0.2").As4()
	copy(ip[12:], from[:])
	copy(ip[16:], to[:])
	binary.BigEndian.PutUint16(ip[10:], checksum(ip[:20]))
	return b, ip[20:]
}

// UDPFrame is a datagram to port 9, whose source port and payload tell which
// one it is.
func UDPFrame(source, destination net.HardwareAddr, number uint32, payload int) []byte {
	b, udp := frame(source, destination, unix.IPPROTO_UDP, 8+payload)
	binary.BigEndian.PutUint16(udp, uint16(10000+number%1000))
	binary.BigEndian.PutUint16(udp[2:], 9)
	binary.BigEndian.PutUint16(udp[4:], uint16(len(udp)))
	if payload >= 4 {
		binary.BigEndian.PutUint32(udp[8:], number)
	}
	return b
}

// TCPFrame is a segment to port 9 with timestamps, as bulk transfers send it,
// without a checksum. Advance moves it on.
func TCPFrame(source, destination net.HardwareAddr, port uint16, seq uint32, payload int) []byte {
	const ack = 0x10
	b, tcp := frame(source, destination, unix.IPPROTO_TCP, 32+payload)
	binary.BigEndian.PutUint16(tcp, port)
	binary.BigEndian.PutUint16(tcp[2:], 9)
	binary.BigEndian.PutUint32(tcp[4:], seq)
	binary.BigEndian.PutUint32(tcp[8:], 1)
	tcp[12], tcp[13] = 8<<4, ack
	binary.BigEndian.PutUint16(tcp[14:], 512)
	copy(tcp[20:], "\x01\x01\x08\x0a")
	return b
}

// Advance adds to the sequence number of a frame of TCPFrame.
func Advance(frame []byte, by uint32) {
	seq := frame[14+20+4:]
	binary.BigEndian.PutUint32(seq, binary.BigEndian.Uint32(seq)+by)
}

// checksum is that of an IPv4 header (RFC 1071).
func checksum(header []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(header); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(header[i:]))
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
