package httpapi

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// connections bounds the open connections of one listener. When all places are
// taken and another client comes, the connection that has been without a
// request for longest is closed: one kept alive for later, or one whose client
// does not get on with its header. Connections with a request under way are
// left alone; while there are only such, newcomers wait.
type connections struct {
	places chan struct{} // one for each open connection

	mu     sync.Mutex
	idle   *list.List               // of *place, the longest first
	at     map[*place]*list.Element // where in idle
	wanted bool                     // a client waits for a place
}

func newConnections(bound int) *connections {
	return &connections{places: make(chan struct{}, bound), idle: list.New(), at: map[*place]*list.Element{}}
}

// state is for [http.Server.ConnState].
func (c *connections) state(conn net.Conn, state http.ConnState) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	p, ok := conn.(*place)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.at[p]; e != nil {
		c.idle.Remove(e)
		delete(c.at, p)
	}
	if state != http.StateNew && state != http.StateIdle {
		return
	}
	c.at[p] = c.idle.PushBack(p)
	if c.wanted {
		c.evict()
	}
}

// evict closes the connection that has been idle for longest, or leaves word
// that one is wanted. The caller holds mu.
func (c *connections) evict() {
	first := c.idle.Front()
	c.wanted = first == nil
	if first != nil {
		p := c.idle.Remove(first).(*place)
		delete(c.at, p)
		p.Close() // nobody reads the error: its goroutine finds it closed
	}
}

// listen bounds the connections of l.
func (c *connections) listen(l net.Listener) net.Listener {
	return &boundedListener{Listener: l, connections: c, done: make(chan struct{})}
}

type boundedListener struct {
	net.Listener
	*connections
	close sync.Once
	done  chan struct{}
}

// Accept implements [net.Listener].
func (l *boundedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case l.places <- struct{}{}:
		return &place{Conn: conn, of: l.connections}, nil
	default:
	}
	l.mu.Lock()
	l.evict()
	l.mu.Unlock()
	select {
	case l.places <- struct{}{}:
	case <-l.done:
		conn.Close()
		return nil, net.ErrClosed
	}
	l.mu.Lock()
	l.wanted = false
	l.mu.Unlock()
	return &place{Conn: conn, of: l.connections}, nil
}

// Close implements [net.Listener].
func (l *boundedListener) Close() error {
	l.close.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// place is a connection that gives its place back when it is closed.
type place struct {
	net.Conn
	of    *connections
	close sync.Once
}

// Close implements [net.Conn].
func (p *place) Close() error {
	err := p.Conn.Close()
	p.close.Do(func() { <-p.of.places })
	return err
}
