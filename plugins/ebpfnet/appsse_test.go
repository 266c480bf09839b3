package ebpfnet

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// counted is a connection that counts what it carries.
type counted struct {
	net.Conn
	read, written *atomic.Uint64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.read.Add(uint64(n))
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.written.Add(uint64(n))
	return n, err
}

// event is the text of the i-th event of a stream: of several sizes, around
// and above what is captured of a packet.
func event(i int) string {
	return fmt.Sprintf("id: %d\nevent: tick\ndata: %s\n\n", i, strings.Repeat("x", i*37%700))
}

// serveEvents answers /events/<n> with a stream of n server-sent events, and
// /events/<n>/hold with one that then waits until the client goes.
func serveEvents(w http.ResponseWriter, r *http.Request, text string) {
	w.Header().Set("Content-Type", "text/event-stream")
	text, hold := strings.CutSuffix(text, "/hold")
	n, _ := strconv.Atoi(text)
	for i := range n {
		_, _ = w.Write([]byte(event(i)))
		w.(http.Flusher).Flush()
	}
	if hold {
		<-r.Context().Done()
		panic(http.ErrAbortHandler) // the end of a stream is not written behind a client that went
	}
}

// subscription is a client of an event stream.
type subscription struct {
	read, written atomic.Uint64
	client        *http.Client
	body          *bufio.Scanner
	response      *http.Response
}

// subscribe asks for a stream; kind as of newClient.
func subscribe(url, kind string) (*subscription, error) {
	s := &subscription{client: newClient(kind)}
	s.client.Timeout = 0
	s.client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &counted{c, &s.read, &s.written}, nil
	}
	var err error
	if s.response, err = s.client.Get(url); err != nil {
		return nil, err
	}
	s.body = bufio.NewScanner(s.response.Body)
	return s, nil
}

// take reads n events, or all there are if n is 0, and returns how many.
func (s *subscription) take(n int) (got int, err error) {
	for s.body.Scan() {
		line := s.body.Text()
		if id, ok := strings.CutPrefix(line, "id: "); ok && id != strconv.Itoa(got) {
			return got, fmt.Errorf("event %s, want %d", id, got)
		}
		if line == "" {
			if got++; got == n {
				return got, nil
			}
		}
	}
	return got, s.body.Err()
}

// Close leaves the stream, over or not.
func (s *subscription) Close() error {
	err := s.response.Body.Close()
	s.client.CloseIdleConnections()
	return err
}

// obeyEvents takes the orders about event streams.
func (a *application) obeyEvents(o order, r *answer) error {
	switch o.Do {
	case "subscribe":
		s, err := subscribe(o.Addr, o.Kind)
		if err != nil {
			return err
		}
		r.ID = a.keep(s)
	case "events": // N of them, or all that are left
		s := a.sockets[o.ID].(*subscription)
		var err error
		r.N, err = s.take(o.N)
		r.Read, r.Written = s.read.Load(), s.written.Load()
		return err
	default:
		return fmt.Errorf("what is %q?", o.Do)
	}
	return nil
}
