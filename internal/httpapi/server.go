package httpapi

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"datakit.dev/agent/internal/backoff"
	"datakit.dev/agent/internal/listen"
)

// Times that no legitimate client needs more of.
const (
	headerTimeout = 10 * time.Second // to send the header of a request
	idleTimeout   = 90 * time.Second // between two requests of a connection
	drainTimeout  = 5 * time.Second  // for requests under way when the server stops

	// idlePatience is how long a connection may be without a request when
	// others wait for its place. A client that posts on and on is faster.
	idlePatience = 250 * time.Millisecond
)

// maxConnections bounds the open connections of one address, each of which
// costs two goroutines and some buffers; see connections.
const maxConnections = 1024

// socketMode is the mode of a public unix socket, as DataKit has it: whoever
// may write to it may connect, and counts as loopback.
const socketMode fs.FileMode = 0o722

// Delays between attempts to listen at a busy address.
const (
	minListenDelay = 200 * time.Millisecond
	maxListenDelay = 10 * time.Second
)

// Server serves an [API] at its addresses.
type Server struct {
	api       *API
	endpoints []endpoint
	log       *slog.Logger
	timeout   time.Duration

	mu    sync.Mutex
	bound map[string]net.Addr
}

// endpoint is one place to listen at.
type endpoint struct {
	name   string // as configured
	listen func(*connections) (net.Listener, error)
}

// NewServer validates cfg, loads the certificate and returns a server that
// does not listen yet.
func NewServer(cfg Config) (*Server, error) {
	api, err := NewAPI(cfg)
	if err != nil {
		return nil, err
	}
	s := &Server{api: api, log: cfg.Log, timeout: api.timeout, bound: map[string]net.Addr{}}
	if cfg.Listen != "" {
		listen, err := listenFunc(cfg)
		if err != nil {
			return nil, err
		}
		s.endpoints = append(s.endpoints, endpoint{cfg.Listen, listen})
	}
	if cfg.Socket != "" {
		s.endpoints = append(s.endpoints, endpoint{cfg.Socket, within(func() (net.Listener, error) { return listenUnix(cfg.Socket, socketMode) })})
	}
	return s, nil
}

// listenFunc is how to listen at cfg.Listen.
func listenFunc(cfg Config) (func(*connections) (net.Listener, error), error) {
	open := func() (net.Listener, error) { return listen.TCP(context.Background(), cfg.Listen) }
	if strings.HasPrefix(cfg.Listen, "/") {
		open = func() (net.Listener, error) { return listenUnix(cfg.Listen, socketMode) }
	}
	bind := within(open) // below TLS, whose connections net/http wants to see as such
	if cfg.CertFile == "" {
		return bind, nil
	}
	now := cfg.Now
	if now == nil {
		now = time.Now
	}
	pair, err := loadCertificate(cfg.CertFile, cfg.KeyFile, now, cfg.Log)
	if err != nil {
		return nil, err
	}
	secure := &tls.Config{GetCertificate: pair.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
	return func(c *connections) (net.Listener, error) {
		l, err := bind(c)
		if err != nil {
			return nil, err
		}
		return tls.NewListener(l, secure), nil
	}, nil
}

// within bounds the connections of what open opens.
func within(open func() (net.Listener, error)) func(*connections) (net.Listener, error) {
	return func(c *connections) (net.Listener, error) {
		l, err := open()
		if err != nil {
			return nil, err
		}
		return c.listen(l), nil
	}
}

// Run serves until ctx ends, then lets the requests under way finish. An
// address that is busy is tried again, with growing delays, for as long as it
// takes: the agent works without it.
func (s *Server) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, e := range s.endpoints {
		all.Go(func() { s.runEndpoint(ctx, e) })
	}
	all.Wait()
	return nil
}

func (s *Server) runEndpoint(ctx context.Context, e endpoint) {
	delays := backoff.New(minListenDelay, maxListenDelay, nil)
	for warned := ""; ; {
		open := newConnections(maxConnections, idlePatience)
		l, err := e.listen(open)
		if err == nil {
			s.log.Info("listening", "address", e.name, "bound", l.Addr().String())
			s.setAddr(e.name, l.Addr())
			err = serve(ctx, l, s.server(open), drainTimeout)
			s.setAddr(e.name, nil)
			delays.Reset()
		}
		if ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != warned {
			warned = text
			s.log.Warn("cannot listen, will try again", "address", e.name, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delays.Next()):
		}
	}
}

func (s *Server) server(open *connections) *http.Server {
	return &http.Server{
		Handler:           open.handler(s.api),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       s.timeout,
		WriteTimeout:      2 * s.timeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    64 << 10,
		ConnState:         open.state,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

func (s *Server) setAddr(name string, addr net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if addr == nil {
		delete(s.bound, name)
		return
	}
	s.bound[name] = addr
}

// addr returns the address that the configured one is bound to; nil while it
// is not.
func (s *Server) addr(configured string) net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bound[configured]
}

// serve accepts connections until ctx ends, then waits for the requests under
// way, up to drain, and closes what is left.
func serve(ctx context.Context, l net.Listener, server *http.Server, drain time.Duration) error {
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	select {
	case err := <-done: // the listener failed
		server.Close()
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		server.Close()
	}
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = served
	}
	return err
}
