package ebpfnet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// application is the other side of app: it runs in a process of its own.
type application struct {
	sockets map[int]any // *net.TCPListener, *net.TCPConn, *volume, int (a raw descriptor)
	next    int
}

// runApp obeys until the test hangs up.
func runApp(control string) int {
	l, err := net.Listen("unix", control)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	conn, err := l.Accept()
	if err != nil {
		return 1
	}
	a := &application{sockets: map[int]any{}}
	a.inherit()
	in := bufio.NewScanner(conn)
	for in.Scan() {
		var o order
		var r answer
		if err := json.Unmarshal(in.Bytes(), &o); err != nil {
			return 1
		}
		if err := a.obey(o, &r); err != nil {
			r.Err = err.Error()
		}
		if json.NewEncoder(conn).Encode(r) != nil {
			return 1
		}
	}
	return 0
}

func (a *application) keep(s any) int {
	a.next++
	a.sockets[a.next] = s
	return a.next
}

func (a *application) conn(id int) *net.TCPConn {
	c, _ := a.sockets[id].(*net.TCPConn)
	return c
}

func (a *application) obey(o order, r *answer) (err error) {
	switch o.Do {
	case "pid":
		r.N = os.Getpid()
	case "listen":
		l, err := listenTCP(o.Addr, o.Kind == "mptcp")
		if err != nil {
			return err
		}
		r.ID, r.Addr = a.keep(l), l.Addr().String()
	case "accept":
		c, err := a.sockets[o.ID].(*net.TCPListener).AcceptTCP()
		if err != nil {
			return err
		}
		r.ID = a.keep(c)
	case "dial":
		c, err := dialTCP(o.Addr, o.Kind == "mptcp")
		if err != nil {
			return err
		}
		r.ID, r.Addr = a.keep(c), c.LocalAddr().String()
	case "write":
		n, err := a.conn(o.ID).Write(make([]byte, o.N))
		r.N = n
		return err
	case "read":
		_, err := io.ReadFull(a.conn(o.ID), make([]byte, o.N))
		return err
	case "end":
		if n, err := a.conn(o.ID).Read(make([]byte, 1)); n != 0 || err == nil {
			return errors.New("there is more")
		}
	case "close":
		s := a.sockets[o.ID]
		delete(a.sockets, o.ID)
		if fd, ok := s.(int); ok {
			return unix.Close(fd)
		}
		return s.(io.Closer).Close()
	case "shutdown":
		return a.conn(o.ID).CloseWrite()
	case "reset":
		if err := a.conn(o.ID).SetLinger(0); err != nil {
			return err
		}
		return a.conn(o.ID).Close()
	case "info":
		r.Info, err = readTCPInfo(a.conn(o.ID))
	case "ask", "reply":
		return dialogue(a.conn(o.ID), o.N, o.Do == "ask")
	case "hold": // accepts and keeps
		for range o.N {
			c, err := a.sockets[o.ID].(*net.TCPListener).AcceptTCP()
			if err != nil {
				return err
			}
			a.keep(c)
		}
	case "open":
		for range o.N {
			c, err := dialTCP(o.Addr, false)
			if err != nil {
				return err
			}
			a.keep(c)
		}
	case "storm":
		cpu, err := storm(o.N)
		r.N = int(cpu)
		return err
	case "volume":
		r.ID, r.Addr, err = a.volume(o)
	case "result":
		v := a.sockets[o.ID].(*volume)
		r.Written, r.Read, r.N, err = v.result()
	default:
		return a.obeyRaw(o, r)
	}
	return err
}

// dialogue exchanges n requests and replies over one connection.
func dialogue(c *net.TCPConn, n int, asks bool) error {
	request, reply := make([]byte, requestBytes), make([]byte, replyBytes)
	for range n {
		var err error
		if asks {
			_, err = c.Write(request)
			_, err2 := io.ReadFull(c, reply)
			err = errors.Join(err, err2)
		} else {
			_, err = io.ReadFull(c, request)
			_, err2 := c.Write(reply)
			err = errors.Join(err, err2)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func listenTCP(addr string, mptcp bool) (*net.TCPListener, error) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(mptcp)
	l, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

func dialTCP(addr string, mptcp bool) (*net.TCPConn, error) {
	d := net.Dialer{Timeout: 20 * time.Second}
	d.SetMultipathTCP(mptcp)
	c, err := d.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// inherit takes over the listener that a parent passed on as descriptor 3.
func (a *application) inherit() {
	if os.Getenv(controlEnv+"_LISTENER") == "" {
		return
	}
	f := os.NewFile(3, "listener")
	defer f.Close()
	if l, err := net.FileListener(f); err == nil {
		a.keep(l)
	}
}

// spawn starts a child that shares the listener, as a prefork server does.
func (a *application) spawn(o order) error {
	f, err := a.sockets[o.ID].(*net.TCPListener).File()
	if err != nil {
		return err
	}
	defer f.Close()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), controlEnv+"="+o.Addr, controlEnv+"_LISTENER=1")
	cmd.ExtraFiles = []*os.File{f}
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait()
	return nil
}
