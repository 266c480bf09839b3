package ebpfnet

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// The two halves of a ping-pong, on raw descriptors: nothing of Go's poller
// is measured.

func pingSocket(kind string) (int, error) {
	if kind == "udp" {
		return unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	}
	return unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
}

// echo answers every byte of one peer at a time.
func echo(kind string) (addr string, err error) {
	fd, err := pingSocket(kind)
	if err != nil {
		return "", err
	}
	at := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Bind(fd, at); err != nil {
		return "", err
	}
	if kind != "udp" {
		if err := unix.Listen(fd, 8); err != nil {
			return "", err
		}
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return "", err
	}
	go func() {
		b := make([]byte, 16)
		for kind == "udp" {
			n, from, err := unix.Recvfrom(fd, b, 0)
			if err != nil || unix.Sendto(fd, b[:n], 0, from) != nil {
				return
			}
		}
		for {
			c, _, err := unix.Accept(fd)
			if err != nil {
				return
			}
			for {
				n, err := unix.Read(c, b)
				if n <= 0 || err != nil {
					break
				}
				if _, err := unix.Write(c, b[:n]); err != nil {
					break
				}
			}
			unix.Close(c)
		}
	}()
	return fmt.Sprintf("127.0.0.1:%d", name.(*unix.SockaddrInet4).Port), nil
}

// ping sends a byte and waits for it, n times; it returns the ns of CPU time
// that took, of both halves when they are in one process.
func ping(addr, kind string, n int) (int, error) {
	fd, err := pingSocket(kind)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	at := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if _, err := fmt.Sscanf(addr, "127.0.0.1:%d", &at.Port); err != nil {
		return 0, err
	}
	if err := unix.Connect(fd, at); err != nil {
		return 0, err
	}
	if kind != "udp" {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return 0, err
		}
	}
	b := make([]byte, 16)
	begin, err := cpuTime()
	if err != nil {
		return 0, err
	}
	for range n {
		if _, err := unix.Write(fd, b[:1]); err != nil {
			return 0, err
		}
		if _, err := unix.Read(fd, b); err != nil {
			return 0, err
		}
	}
	end, err := cpuTime()
	return int(end - begin), err
}
