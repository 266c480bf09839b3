package ebpfnet

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// traffic is two connected sockets in the hands of one thread, on raw
// descriptors: neither Go's poller nor the scheduler of the kernel is
// measured. What one end sends over loopback is there when send returns.
type traffic struct {
	a, b int
	bulk bool
	buf  []byte
}

const bulkBytes = 64 << 10

// newTraffic connects two sockets at an address of this host, of the cgroup
// that the process is in now.
func newTraffic(host, kind string) (*traffic, error) {
	t := &traffic{bulk: kind == "bulk", buf: make([]byte, bulkBytes)}
	if kind == "unix" {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		t.a, t.b = pair[0], pair[1]
		return t, err
	}
	typ := unix.SOCK_STREAM
	if kind == "udp" {
		typ = unix.SOCK_DGRAM
	}
	at := &unix.SockaddrInet4{}
	if _, err := fmt.Sscanf(host, "%d.%d.%d.%d", &at.Addr[0], &at.Addr[1], &at.Addr[2], &at.Addr[3]); err != nil {
		return nil, err
	}
	var here unix.Sockaddr
	b, err := unix.Socket(unix.AF_INET, typ, 0)
	if err == nil {
		err = unix.Bind(b, at)
	}
	if err == nil {
		here, err = unix.Getsockname(b)
	}
	if err == nil {
		t.a, err = unix.Socket(unix.AF_INET, typ, 0)
	}
	if err != nil {
		return nil, err
	}
	if kind == "udp" {
		t.b = b
		return t, t.join(at, here)
	}
	defer unix.Close(b)
	if err := unix.Listen(b, 1); err != nil {
		return nil, err
	}
	if err := unix.Connect(t.a, here); err != nil {
		return nil, err
	}
	if t.b, _, err = unix.Accept(b); err != nil {
		return nil, err
	}
	for _, fd := range []int{t.a, t.b} {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// join connects two UDP sockets with each other.
func (t *traffic) join(at, b unix.Sockaddr) error {
	if err := unix.Bind(t.a, at); err != nil {
		return err
	}
	a, err := unix.Getsockname(t.a)
	if err != nil {
		return err
	}
	if err := unix.Connect(t.b, a); err != nil {
		return err
	}
	return unix.Connect(t.a, b)
}

// run sends and receives for a while; it returns how often, and the CPU time
// of the thread. The softirqs of loopback run inside its system calls.
func (t *traffic) run(d time.Duration) (operations int, cpu time.Duration, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := threadTime()
	if err != nil {
		return 0, 0, err
	}
	for end := time.Now().Add(d); time.Now().Before(end); {
		for range 16 {
			n, err := t.step()
			if err != nil {
				return 0, 0, err
			}
			operations += n
		}
	}
	after, err := threadTime()
	return operations, after - before, err
}

// step is a byte there and back, or 64 KiB one way.
func (t *traffic) step() (operations int, err error) {
	if !t.bulk {
		for _, way := range [][2]int{{t.a, t.b}, {t.b, t.a}} {
			if _, err := unix.Write(way[0], t.buf[:1]); err != nil {
				return 0, err
			}
			if _, err := unix.Read(way[1], t.buf); err != nil {
				return 0, err
			}
		}
		return 4, nil
	}
	if n, err := unix.Write(t.a, t.buf); err != nil || n != bulkBytes {
		return 0, fmt.Errorf("sent %d bytes: %w", n, err)
	}
	return 2, readFull(t.b, bulkBytes)
}

func threadTime() (time.Duration, error) {
	var t unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano()), err
}

func (t *traffic) Close() error {
	_ = unix.Close(t.a)
	return unix.Close(t.b)
}
