package rpc

import (
	"context"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	protov1 "datakit.dev/agent/plugins/proto/v1"
)

// child is a Collector of function fields.
type child struct {
	describe  func() Description
	configure func(Config) (Configured, error)
	collect   func(context.Context, *Outlet) error
	health    func() Health
	stop      func(context.Context) []string
}

func (c *child) Describe() Description { return c.describe() }
func (c *child) Configure(_ context.Context, cfg Config) (Configured, error) {
	return c.configure(cfg)
}
func (c *child) Collect(ctx context.Context, out *Outlet) error { return c.collect(ctx, out) }
func (c *child) Health() Health                                 { return c.health() }
func (c *child) Stop(ctx context.Context) []string              { return c.stop(ctx) }

// pair is both ends in one process, over a real unix socket.
type pair struct {
	*Client
	book *ledger.Book // of the child
	kill func()       // the child's process, as far as the host can tell
	hang func()       // the host's process, as far as the child can tell
}

func connect(t testing.TB, c Collector, window int, server credentials.TransportCredentials, client credentials.TransportCredentials) *pair {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	p := &pair{book: &ledger.Book{}}
	s := grpc.NewServer(grpc.Creds(server))
	if err := (&Plugin{Collector: c, Book: p.book, Window: window}).GRPCServer(nil, s); err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(listener) })
	conn, err := grpc.NewClient("passthrough:localhost", grpc.WithTransportCredentials(client),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", listener.Addr().String())
		}))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := (&Plugin{}).GRPCClient(t.Context(), nil, conn)
	if err != nil {
		t.Fatal(err)
	}
	p.Client = raw.(*Client)
	p.kill, p.hang = s.Stop, func() { _ = conn.Close() }
	t.Cleanup(func() {
		_ = conn.Close()
		s.Stop()
		serving.Wait()
	})
	return p
}

func newPair(t testing.TB, c Collector, window int) *pair {
	t.Helper()
	return connect(t, c, window, insecure.NewCredentials(), insecure.NewCredentials())
}

// shelf is a sink that keeps what it is given.
type shelf struct {
	book   *ledger.Book
	before func(n int, b *point.Block) error // before it takes block n over
	after  func(n int, b *point.Block) error // before Put returns

	mu     sync.Mutex
	blocks []*point.Block
	points int64
}

func (s *shelf) Put(_ context.Context, b *point.Block) error {
	s.mu.Lock()
	n := len(s.blocks)
	s.mu.Unlock()
	if s.before != nil {
		if err := s.before(n, b); err != nil {
			return err
		}
	}
	s.book.Step(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.blocks = append(s.blocks, b)
		s.points += int64(b.Points)
		b.Accepted()
	})
	if s.after != nil {
		return s.after(n, b)
	}
	return nil
}

func (s *shelf) stored() []*point.Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*point.Block(nil), s.blocks...)
}

// frames is a stream of frames that a test wrote by hand.
type frames struct {
	list []*protov1.Frame
	end  error
	acks []*protov1.Ack
	mu   sync.Mutex
}

func (f *frames) Recv() (*protov1.Frame, error) {
	if len(f.list) == 0 {
		return nil, f.end
	}
	first := f.list[0]
	f.list = f.list[1:]
	return first, nil
}

func (f *frames) Send(a *protov1.Ack) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acks = append(f.acks, a)
	return nil
}

func (f *frames) CloseSend() error { return nil }
