package httpapi

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// short is a patience that runs out, long is one that does not.
const short, long = 10 * time.Millisecond, time.Hour

// crowd is a server with a bound of connections. GET /wait is answered once
// the test says so, everything else at once.
type crowd struct {
	t       *testing.T
	address string
	open    *connections
	busy    chan struct{} // a request waits
	wait    chan struct{} // its answer
	tls     *tls.Config   // of clients; nil: plain
}

func newCrowd(t *testing.T, bound int, patience time.Duration, secure bool) *crowd {
	c := &crowd{t: t, open: newConnections(bound, patience), busy: make(chan struct{}), wait: make(chan struct{})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.address = l.Addr().String()
	l = c.open.listen(l)
	if secure {
		cfg := testConfig(&recorder{})
		cfg.CertFile, cfg.KeyFile = t.TempDir()+"/cert", t.TempDir()+"/key"
		writeCertificate(t, cfg, 1)
		pair, err := loadCertificate(cfg.CertFile, cfg.KeyFile, time.Now, cfg.Log)
		if err != nil {
			t.Fatal(err)
		}
		l = tls.NewListener(l, &tls.Config{GetCertificate: pair.get})
		c.tls = &tls.Config{InsecureSkipVerify: true}
	}
	server := &http.Server{ConnState: c.open.state, Handler: c.open.handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			c.busy <- struct{}{}
			<-c.wait
		}
	}))}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, l, server, time.Second) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.until(0, 0)
	})
	return c
}

// until waits for these numbers of connections. A client has its reply before
// the server calls its connection idle.
func (c *crowd) until(taken, idle int) {
	c.t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		c.open.mu.Lock()
		t, i := len(c.open.places), max(c.open.idle.Len(), len(c.open.at))
		c.open.mu.Unlock()
		if t == taken && i == idle {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("%d places are taken and %d idle, want %d and %d", t, i, taken, idle)
		}
	}
}

// dial connects and sends text.
func (c *crowd) dial(text string) net.Conn {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	if c.tls != nil {
		conn = tls.Client(conn, c.tls)
	}
	if _, err := conn.Write([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
	return conn
}

const ping, hold = "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n"

func (c *crowd) answered(who string, conn net.Conn) {
	c.t.Helper()
	if err := answer(conn, 5*time.Second); err != nil {
		c.t.Errorf("%s: %v", who, err)
	}
}

func (c *crowd) closed(who string, conn net.Conn) {
	c.t.Helper()
	err := answer(conn, 5*time.Second)
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(err.Error(), "reply") {
		c.t.Errorf("%s was not closed: %v", who, err)
	}
}

// Clients that keep their connections for later make room for others.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t, 3, short, secure)
			var all []net.Conn
			for n := range 3 {
				conn := c.dial(ping)
				c.answered(fmt.Sprint("client ", n), conn)
				c.until(n+1, n+1)
				all = append(all, conn)
			}
			if _, err := all[0].Write([]byte(ping)); err != nil { // now 1 is idle for longest
				t.Fatal(err)
			}
			c.answered("client 0 again", all[0])
			c.until(3, 3)
			c.answered("newcomer", c.dial(ping))
			c.closed("client 1", all[1])
			for _, n := range []int{0, 2} {
				if _, err := all[n].Write([]byte(ping)); err != nil {
					t.Fatal(err)
				}
				c.answered(fmt.Sprint("client ", n, " later"), all[n])
			}
		})
	}
}

// Clients that never finish their header keep nobody out.
func TestSlowHeadersMakeRoom(t *testing.T) {
	c := newCrowd(t, 4, short, false)
	for range 40 {
		c.dial("GET / HTTP/1.1\r\nHost:")
	}
	c.answered("an honest client", c.dial(ping))
}

// While all have a request under way, newcomers wait for the first that ends.
func TestBusyConnectionsAreLeftAlone(t *testing.T) {
	c := newCrowd(t, 2, short, false)
	first, second := c.dial(hold), c.dial(hold)
	<-c.busy
	<-c.busy
	waits := c.dial(ping)
	if err := answer(waits, 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("one connection too many: %v", err)
	}
	c.wait <- struct{}{} // one of the two is idle from now on
	c.answered("newcomer", waits)
	c.wait <- struct{}{}
	answers := 0
	for _, conn := range []net.Conn{first, second} {
		if answer(conn, 5*time.Second) == nil {
			answers++
		}
	}
	if answers != 2 {
		t.Errorf("%d of 2 requests were answered", answers)
	}
}

// More clients than places, all posting on and on: each of them gets its
// turn, and no connection breaks under a request.
func TestBusyClientsTakeTurns(t *testing.T) {
	const clients, requests = 8, 40
	c := newCrowd(t, 2, long, false)
	var all sync.WaitGroup
	for n := range clients {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
			defer client.CloseIdleConnections()
			for range requests {
				// Not to be sent again by the client itself: of this type it cannot rewind the body.
				reply, err := client.Post("http://"+c.address, "text/plain", io.MultiReader(strings.NewReader("x")))
				if err != nil {
					t.Errorf("client %d: %v", n, err)
					return
				}
				reply.Body.Close()
			}
		})
	}
	all.Wait()
}

// answer waits for the head of a reply.
func answer(c net.Conn, patience time.Duration) error {
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && line != "HTTP/1.1 200 OK\r\n" {
		err = fmt.Errorf("reply %q", line)
	}
	return err
}
