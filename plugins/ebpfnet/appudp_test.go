package ebpfnet

import (
	"fmt"
	"net"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// udpSink counts what it is sent, and answers each datagram where asked to.
type udpSink struct {
	conn             *net.UDPConn
	answer           int // bytes; 0: none
	bytes, datagrams atomic.Int64
}

func (s *udpSink) Close() error { return s.conn.Close() }

func (s *udpSink) run() {
	in, out := make([]byte, 1<<16), make([]byte, s.answer)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(in)
		if err != nil {
			return
		}
		s.bytes.Add(int64(n))
		s.datagrams.Add(1)
		if s.answer > 0 {
			_, _ = s.conn.WriteToUDPAddrPort(out, from)
		}
	}
}

// udpSend is the sending half: N datagrams of ID bytes, each answered before
// the next one is sent when Kind says so.
func udpSend(o order, r *answer) error {
	remote, err := net.ResolveUDPAddr("udp", o.Addr)
	if err != nil {
		return err
	}
	var conn *net.UDPConn
	var send func([]byte) (int, error)
	connected := o.Kind != "unconnected"
	if connected {
		conn, err = net.DialUDP("udp", nil, remote)
		if err != nil {
			return err
		}
		send = conn.Write
	} else {
		conn, err = net.ListenUDP("udp", nil)
		if err != nil {
			return err
		}
		send = func(b []byte) (int, error) { return conn.WriteToUDP(b, remote) }
	}
	defer conn.Close()
	r.Addr = conn.LocalAddr().String()
	payload, in := make([]byte, o.ID), make([]byte, 1<<16)
	if o.Kind == "gso" {
		if err := segment(conn, o.ID); err != nil {
			return err
		}
		payload = make([]byte, 10*o.ID)
	}
	for i := 0; i < o.N; i++ {
		n, err := send(payload)
		if o.Kind == "refused" {
			if err == nil {
				r.Written += uint64(n)
				r.N++
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("send %d: %w", i, err)
		}
		r.Written += uint64(n)
		answers := 1
		if o.Kind == "gso" {
			i += 9
			answers = 10
		}
		for range answers {
			n, _, err := conn.ReadFromUDP(in)
			if err != nil {
				return fmt.Errorf("receive %d: %w", i, err)
			}
			r.Read += uint64(n)
			r.N++
		}
	}
	return nil
}

// segment makes the kernel cut what is sent (UDP_SEGMENT).
func segment(conn syscall.Conn, size int) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var serr error
	err = raw.Control(func(fd uintptr) {
		serr = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, size)
	})
	if err != nil {
		return err
	}
	return serr
}

// obeyUDP takes the orders about UDP.
func (a *application) obeyUDP(o order, r *answer) error {
	switch o.Do {
	case "udp sink": // answers N bytes
		addr, err := net.ResolveUDPAddr("udp", o.Addr)
		if err != nil {
			return err
		}
		conn, err := net.ListenUDP("udp", addr)
		if err != nil {
			return err
		}
		s := &udpSink{conn: conn, answer: o.N}
		go s.run()
		r.ID, r.Addr = a.keep(s), conn.LocalAddr().String()
	case "udp count":
		s := a.sockets[o.ID].(*udpSink)
		r.Read, r.N = uint64(s.bytes.Load()), int(s.datagrams.Load())
		r.Written = uint64(r.N * s.answer)
	case "udp dial":
		remote, err := net.ResolveUDPAddr("udp", o.Addr)
		if err != nil {
			return err
		}
		conn, err := net.DialUDP("udp", nil, remote)
		if err != nil {
			return err
		}
		r.ID = a.keep(conn)
	case "udp ask": // sends N bytes and waits for the answer
		conn := a.sockets[o.ID].(*net.UDPConn)
		if _, err := conn.Write(make([]byte, o.N)); err != nil {
			return err
		}
		_, err := conn.Read(make([]byte, 1<<16))
		return err
	case "udp send":
		return udpSend(o, r)
	default:
		return a.obeyHTTP(o, r)
	}
	return nil
}
