package ebpfnet

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// httpServer is a Go server that writes down what it answered, as an access
// log does.
type httpServer struct {
	server *http.Server
	mu     sync.Mutex
	log    map[string]int // "GET /a 200"
}

func (s *httpServer) Close() error { return s.server.Close() }

// ServeHTTP answers by path: /status/<code>, /sleep/<ms>, /bytes/<n>,
// /chunks/<n>, /events/<n>, and anything else with a few bytes.
func (s *httpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	kind, text, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	n, _ := strconv.Atoi(text)
	status := http.StatusOK
	switch kind {
	case "status":
		status = n
	case "sleep":
		time.Sleep(time.Duration(n) * time.Millisecond)
	}
	s.mu.Lock()
	s.log[fmt.Sprintf("%s %s %d", r.Method, r.URL.Path, status)]++
	s.mu.Unlock()
	switch kind {
	case "bytes":
		w.Header().Set("Content-Length", text)
		_, _ = w.Write(make([]byte, n))
	case "chunks":
		for range n {
			_, _ = w.Write([]byte("a chunk"))
			w.(http.Flusher).Flush()
		}
	case "events":
		serveEvents(w, r, text)
	case "status":
		w.WriteHeader(n)
	default:
		_, _ = io.WriteString(w, "hello\n")
	}
}

// newClient makes a client: keep-alive, short (a connection per request), h2c.
func newClient(kind string) *http.Client {
	t := &http.Transport{MaxIdleConnsPerHost: 64, DisableKeepAlives: kind == "short", DisableCompression: true}
	if kind == "h2c" {
		t.Protocols = new(http.Protocols)
		t.Protocols.SetUnencryptedHTTP2(true)
	}
	return &http.Client{Transport: t, Timeout: 30 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// methods are what fetch uses in turn.
var methods = []string{"GET", "POST", "GET", "HEAD", "PUT", "GET", "DELETE"}

// fetch makes N requests over ID workers, of the paths in Addr, which follow
// the address of the server; it returns what it got.
func fetch(o order, r *answer) error {
	f := strings.Fields(o.Addr)
	client := newClient(o.Kind)
	defer client.CloseIdleConnections()
	r.Log = map[string]int{}
	var mu sync.Mutex
	errs := make(chan error, o.ID)
	for worker := range o.ID {
		go func() {
			log := map[string]int{}
			var err error
			for i := worker; i < o.N && err == nil; i += o.ID {
				err = get(client, methods[i%len(methods)], "http://"+f[0]+f[1+i%(len(f)-1)], log)
			}
			mu.Lock()
			defer mu.Unlock()
			for k, n := range log {
				r.Log[k] += n
			}
			errs <- err
		}()
	}
	var err error
	for range o.ID {
		err = errors.Join(err, <-errs)
	}
	return err
}

func get(client *http.Client, method, url string, log map[string]int) error {
	var body io.Reader
	if method == "POST" || method == "PUT" {
		body = strings.NewReader(strings.Repeat("x", 700))
	}
	request, err := http.NewRequest(method, url, body)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	log[fmt.Sprintf("%s %s %d", method, request.URL.Path, response.StatusCode)]++
	return nil
}

// pipeline sends N requests in batches of ID over one connection, without
// waiting for responses within a batch.
func pipeline(o order, r *answer) error {
	addr, path, _ := strings.Cut(o.Addr, " ")
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	in := bufio.NewReader(c)
	r.Log = map[string]int{}
	one := "GET " + path + " HTTP/1.1\r\nHost: " + addr + "\r\n\r\n"
	for sent := 0; sent < o.N; sent += o.ID {
		if o.Kind == "one by one" { // several packets, before any response
			for range o.ID {
				if _, err := io.WriteString(c, one); err != nil {
					return err
				}
			}
		} else if _, err := io.WriteString(c, strings.Repeat(one, o.ID)); err != nil {
			return err
		}
		for range o.ID {
			response, err := http.ReadResponse(in, nil)
			if err != nil {
				return err
			}
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				return err
			}
			r.Log[fmt.Sprintf("GET %s %d", path, response.StatusCode)]++
		}
	}
	return nil
}

// deferAccept makes a listener wait for the first payload of a connection.
func deferAccept(_, _ string, c syscall.RawConn) error {
	var err error
	failed := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, 10)
	})
	return errors.Join(failed, err)
}

// obeyHTTP takes the orders about HTTP.
func (a *application) obeyHTTP(o order, r *answer) error {
	switch o.Do {
	case "http serve":
		var lc net.ListenConfig
		lc.SetMultipathTCP(o.Kind == "mptcp")
		if o.Kind == "deferred" {
			lc.Control = deferAccept
		}
		l, err := lc.Listen(context.Background(), "tcp", o.Addr)
		if err != nil {
			return err
		}
		s := &httpServer{log: map[string]int{}}
		s.server = &http.Server{Handler: s, Protocols: new(http.Protocols)}
		s.server.Protocols.SetHTTP1(true)
		s.server.Protocols.SetUnencryptedHTTP2(true)
		go func() { _ = s.server.Serve(l) }()
		r.ID, r.Addr = a.keep(s), l.Addr().String()
	case "http log":
		s := a.sockets[o.ID].(*httpServer)
		s.mu.Lock()
		defer s.mu.Unlock()
		r.Log, s.log = s.log, map[string]int{}
	case "uring fetch":
		return uringFetch(o, r)
	case "forward":
		l, err := forward(o.Addr, o.Kind)
		if err != nil {
			return err
		}
		r.ID, r.Addr = a.keep(l), l.Addr().String()
	case "grpc serve":
		s, addr, err := serveGRPC(o.Addr)
		r.ID, r.Addr = a.keep(s), addr
		return err
	case "grpc call":
		var err error
		r.Log, err = callGRPC(o.Addr, o.Kind, o.N)
		return err
	case "http fetch":
		return fetch(o, r)
	case "http time": // mean of N requests until their response begins, ns
		var all time.Duration
		client := newClient("")
		defer client.CloseIdleConnections()
		for range o.N {
			begin := time.Now()
			response, err := client.Get(o.Addr)
			if err != nil {
				return err
			}
			all += time.Since(begin)
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				return err
			}
			response.Body.Close()
		}
		r.N = int(all) / o.N
	case "text": // and N bytes more
		_, err := io.WriteString(a.conn(o.ID), o.Addr+strings.Repeat("x", o.N))
		return err
	case "traffic":
		t, err := newTraffic(o.Addr, o.Kind)
		if err != nil {
			return err
		}
		r.ID = a.keep(t)
	case "traffic slice": // of N µs
		n, cpu, err := a.sockets[o.ID].(*traffic).run(time.Duration(o.N) * time.Microsecond)
		r.Written, r.N = uint64(n), int(cpu)
		return err
	case "http pipeline":
		return pipeline(o, r)
	default:
		return a.obeyEvents(o, r)
	}
	return nil
}
