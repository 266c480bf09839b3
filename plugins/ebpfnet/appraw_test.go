package ebpfnet

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// obeyRaw does what package net has no words for.
func (a *application) obeyRaw(o order, r *answer) (err error) {
	switch o.Do {
	case "spawn":
		return a.spawn(o)
	case "send": // the socket to another process
		return a.send(o)
	case "receive":
		r.ID, err = a.receive(o)
	case "accept0": // accept(fd, NULL, NULL): nobody asks for the peer's name
		r.ID, err = a.acceptSilently(o)
	case "connect": // one raw socket, connected again and again
		r.ID, err = a.connect(o)
	case "disconnect":
		return disconnect(a.sockets[o.ID].(int))
	case "rawwrite":
		r.N, err = unix.Write(a.sockets[o.ID].(int), make([]byte, o.N))
	case "rawread":
		return readFull(a.sockets[o.ID].(int), o.N)
	case "backlog": // a listener that nobody accepts from
		r.ID, r.Addr, err = a.backlog(o)
	default:
		return a.obeyUDP(o, r)
	}
	return err
}

func (a *application) send(o order) error {
	f, err := a.conn(o.ID).File()
	if err != nil {
		return err
	}
	defer f.Close()
	var c net.Conn
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if c, err = net.Dial("unix", o.Addr); err == nil {
			break
		}
		if time.Now().After(deadline) {
			return err
		}
	}
	defer c.Close()
	_, _, err = c.(*net.UnixConn).WriteMsgUnix([]byte{1}, unix.UnixRights(int(f.Fd())), nil)
	return err
}

func (a *application) receive(o order) (int, error) {
	l, err := net.Listen("unix", o.Addr)
	if err != nil {
		return 0, err
	}
	defer l.Close()
	c, err := l.Accept()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	oob := make([]byte, unix.CmsgSpace(4))
	if _, _, _, _, err := c.(*net.UnixConn).ReadMsgUnix(make([]byte, 1), oob); err != nil {
		return 0, err
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil || len(messages) == 0 {
		return 0, errors.Join(errors.New("no descriptor came"), err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return 0, err
	}
	f := os.NewFile(uintptr(fds[0]), "passed")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return 0, err
	}
	return a.keep(conn.(*net.TCPConn)), nil
}

func (a *application) acceptSilently(o order) (int, error) {
	raw, err := a.sockets[o.ID].(*net.TCPListener).SyscallConn()
	if err != nil {
		return 0, err
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		var fd uintptr
		var errno unix.Errno
		if err := raw.Control(func(listener uintptr) {
			fd, _, errno = unix.Syscall6(unix.SYS_ACCEPT4, listener, 0, 0, unix.SOCK_CLOEXEC, 0, 0)
		}); err != nil {
			return 0, err
		}
		if errno == 0 {
			return a.keep(int(fd)), nil
		}
		if errno != unix.EAGAIN || time.Now().After(deadline) {
			return 0, errno
		}
	}
}

func sockaddr(addr string) (int, unix.Sockaddr, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return 0, nil, err
	}
	if ap.Addr().Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}, nil
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()}, nil
}

// connect connects a raw socket, a new one when o.ID is 0. Kind "reuse"
// binds it to the port o.N first, whatever waits there.
func (a *application) connect(o order) (int, error) {
	family, to, err := sockaddr(o.Addr)
	if err != nil {
		return 0, err
	}
	fd, known := a.sockets[o.ID].(int)
	if !known {
		if fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return 0, err
		}
		if o.Kind == "reuse" {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
				return 0, err
			}
			if err := unix.Bind(fd, &unix.SockaddrInet4{Port: o.N}); err != nil {
				return 0, err
			}
		}
	}
	if err := unix.Connect(fd, to); err != nil {
		unix.Close(fd)
		return 0, err
	}
	if known {
		return o.ID, nil
	}
	return a.keep(fd), nil
}

// disconnect dissolves the association, see connect(2): AF_UNSPEC.
func disconnect(fd int) error {
	var unspec [16]byte
	_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&unspec)), 16)
	if errno != 0 {
		return errno
	}
	return nil
}

func readFull(fd, n int) error {
	buf := make([]byte, n)
	for have := 0; have < n; {
		got, err := unix.Read(fd, buf[have:])
		if err != nil || got == 0 {
			return errors.Join(fmt.Errorf("read %d of %d bytes", have, n), err)
		}
		have += got
	}
	return nil
}

func (a *application) backlog(o order) (int, string, error) {
	family, at, err := sockaddr(o.Addr)
	if err != nil {
		return 0, "", err
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, "", err
	}
	if err := errors.Join(unix.Bind(fd, at), unix.Listen(fd, 128)); err != nil {
		return 0, "", err
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, "", err
	}
	return a.keep(fd), netip.AddrPortFrom(netip.AddrFrom4(name.(*unix.SockaddrInet4).Addr), uint16(name.(*unix.SockaddrInet4).Port)).String(), nil
}
