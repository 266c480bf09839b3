package httpapi

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// connections bounds the open connections of one listener. While all places
// are taken and another client waits, replies end their connections, so that
// busy clients take turns; and the connection that has been without a request
// for longest, and for some time, is closed: one kept alive for later, or one
// whose client does not get on with its header. A connection with a request
// under way is left alone.
type connections struct {
	places   chan struct{} // one for each open connection
	patience time.Duration // with a connection without a request
	crowded  atomic.Bool   // a client waits for a place

	mu   sync.Mutex
	idle *list.List               // of *place, the longest first
	at   map[*place]*list.Element // where in idle
}

func newConnections(bound int, patience time.Duration) *connections {
	return &connections{places: make(chan struct{}, bound), patience: patience, idle: list.New(), at: map[*place]*list.Element{}}
}

// handler serves next, and ends connections after their replies while there is
// a crowd.
func (c *connections) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.crowded.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
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
	if state == http.StateNew || state == http.StateIdle {
		p.since = time.Now()
		c.at[p] = c.idle.PushBack(p)
	}
}

// evict closes the connection that has been idle for longest. If that is not
// long enough it returns when to look again.
func (c *connections) evict() (wait time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.idle.Front()
	if first == nil {
		return c.patience
	}
	p := first.Value.(*place)
	if wait = c.patience - time.Since(p.since); wait > 0 {
		return wait
	}
	c.idle.Remove(first)
	delete(c.at, p)
	p.Close() // nobody reads the error: its goroutine finds it closed
	return c.patience
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
	l.crowded.Store(true)
	defer l.crowded.Store(false)
	look := time.NewTimer(l.evict())
	defer look.Stop()
	for {
		select {
		case l.places <- struct{}{}:
			return &place{Conn: conn, of: l.connections}, nil
		case <-look.C:
			look.Reset(l.evict())
		case <-l.done:
			conn.Close()
			return nil, net.ErrClosed
		}
	}
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
	since time.Time // without a request; guarded by of.mu
	close sync.Once
}

// Close implements [net.Conn].
func (p *place) Close() error {
	err := p.Conn.Close()
	p.close.Do(func() { <-p.of.places })
	return err
}
