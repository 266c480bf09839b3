package ebpfnet

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// patterns are the ways in which connections end. Every side counts itself
// what write(2) and read(2) returned: the oracle of the tests.
var patterns = []pattern{
	{"client first", func(e *end) { e.talk() }, func(e *end) { e.listen(); e.drain() }},
	{"server first", func(e *end) { e.talk(); e.drain() }, func(e *end) { e.listen() }},
	{"both at once", func(e *end) { e.talk() }, func(e *end) { e.listen() }},
	{"reset by client", func(e *end) { e.talk(); e.linger0() }, func(e *end) { e.listen(); e.drain() }},
	{"reset by server", func(e *end) { e.talk(); e.drain() }, func(e *end) { e.listen(); e.linger0() }},
	{"close with unread data", func(e *end) { e.write(e.request); e.readSome(1) }, func(e *end) { e.read(e.request); e.write(e.reply); e.drain() }},
	{"server never reads", func(e *end) { e.write(e.request); e.shut(); e.drain() }, func(e *end) { e.await() }},
	{"half-close by client", func(e *end) { e.write(e.request); e.shut(); e.drain() }, func(e *end) { e.drain(); e.write(e.reply) }},
	{"half-close by server", func(e *end) { e.drain(); e.write(e.request) }, func(e *end) { e.write(e.reply); e.shut(); e.drain() }},
	{"empty", func(e *end) {}, func(e *end) { e.drain() }},
	{"flood then reset", func(e *end) { e.flood(); e.linger0() }, func(e *end) { e.await() }},
}

type pattern struct {
	name           string
	client, server func(*end)
}

func patternNamed(name string) (pattern, error) {
	for _, p := range patterns {
		if p.name == name {
			return p, nil
		}
	}
	return pattern{}, fmt.Errorf("unknown pattern %q", name)
}

// end is one end of a connection, with what it counted.
type end struct {
	conn           *net.TCPConn
	request, reply int // bytes
	written, got   uint64
	err            error // what should not have happened
}

func (e *end) write(n int) {
	n, err := e.conn.Write(make([]byte, n))
	e.written += uint64(n)
	e.note(err)
}

func (e *end) read(n int) {
	n, err := io.ReadFull(e.conn, make([]byte, n))
	e.got += uint64(n)
	e.note(err)
}

func (e *end) readSome(n int) {
	n, err := e.conn.Read(make([]byte, n))
	e.got += uint64(n)
	e.note(err)
}

// drain reads to the end, whichever it is.
func (e *end) drain() {
	n, err := io.Copy(io.Discard, struct{ io.Reader }{e.conn})
	e.got += uint64(n)
	e.note(err)
}

// await waits until the peer has sent something, and reads none of it.
func (e *end) await() {
	raw, err := e.conn.SyscallConn()
	e.note(err)
	e.note(raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		return !errors.Is(err, syscall.EAGAIN)
	}))
}

func (e *end) talk()    { e.write(e.request); e.read(e.reply) }
func (e *end) listen()  { e.read(e.request); e.write(e.reply) }
func (e *end) shut()    { e.note(e.conn.CloseWrite()) }
func (e *end) linger0() { e.note(e.conn.SetLinger(0)) }

// flood writes until nothing more goes in.
func (e *end) flood() {
	e.note(e.conn.SetWriteBuffer(16 << 10))
	e.note(e.conn.SetWriteDeadline(time.Now().Add(2 * time.Millisecond)))
	for {
		n, err := e.conn.Write(make([]byte, 8<<10))
		e.written += uint64(n)
		if err != nil {
			return
		}
	}
}

// note keeps an error unless it is what ends of connections give.
func (e *end) note(err error) {
	switch {
	case err == nil, errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ENOTCONN):
	default:
		e.err = errors.Join(e.err, err)
	}
}

// volume is many connections of one pattern, seen from one side.
type volume struct {
	wait          sync.WaitGroup
	written, read atomic.Uint64
	conns         atomic.Int64
	mu            sync.Mutex
	err           error
}

// workers is how many connections a client has open at a time.
const workers = 4

// volume runs o.N connections of the pattern o.Kind: as the server when
// o.ID is 0, listening on o.Addr, else as the client.
func (a *application) volume(o order) (id int, addr string, err error) {
	p, err := patternNamed(o.Kind)
	if err != nil {
		return 0, "", err
	}
	v := &volume{}
	if o.ID == 0 {
		l, err := listenTCP(o.Addr, false)
		if err != nil {
			return 0, "", err
		}
		v.wait.Go(func() { v.serve(l, p, o.N) })
		return a.keep(v), l.Addr().String(), nil
	}
	var next atomic.Int64
	for range workers {
		v.wait.Go(func() {
			for i := next.Add(1); i <= int64(o.N); i = next.Add(1) {
				c, err := dialTCP(o.Addr, false)
				if err != nil {
					v.fail(err)
					return
				}
				v.run(c, p.client)
			}
		})
	}
	return a.keep(v), "", nil
}

func (v *volume) serve(l *net.TCPListener, p pattern, n int) {
	defer l.Close()
	v.fail(l.SetDeadline(time.Now().Add(4 * time.Minute)))
	for range n {
		c, err := l.AcceptTCP()
		if err != nil {
			v.fail(err)
			return
		}
		v.wait.Go(func() { v.run(c, p.server) })
	}
}

// Sizes that do not divide each other, around one segment and above.
const requestBytes, replyBytes = 611, 20011

func (v *volume) run(c *net.TCPConn, side func(*end)) {
	e := &end{conn: c, request: requestBytes, reply: replyBytes}
	side(e)
	v.fail(e.err)
	v.fail(c.Close())
	v.written.Add(e.written)
	v.read.Add(e.got)
	v.conns.Add(1)
}

func (v *volume) fail(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err = errors.Join(v.err, err)
}

func (v *volume) result() (written, read uint64, conns int, err error) {
	v.wait.Wait()
	return v.written.Load(), v.read.Load(), int(v.conns.Load()), v.err
}
