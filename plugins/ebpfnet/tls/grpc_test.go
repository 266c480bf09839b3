package tls

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/nettest"
)

// serveGRPC serves the health service, which knows itself and nothing else.
func serveGRPC(addr, cert, key string) (string, error) {
	creds, err := credentials.NewServerTLSFromFile(cert, key)
	if err != nil {
		return "", err
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	server := grpc.NewServer(grpc.Creds(creds))
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(l) }()
	return l.Addr().String(), nil
}

// dialGRPC connects once, and keeps the connection.
func (a *application) dialGRPC(addr string) error {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{InsecureSkipVerify: true})))
	if err != nil {
		return err
	}
	conn.Connect()
	a.health = grpc_health_v1.NewHealthClient(conn)
	return nil
}

// call asks n times for a service; the answer is the last status.
func (a *application) call(service string, n int) (string, error) {
	var code codes.Code
	for range n {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		_, err := a.health.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
		cancel()
		code = status.Code(err)
	}
	return strconv.Itoa(int(code)), nil
}

// TestGRPC: gRPC over TLS with status codes, on a connection that is observed
// from its beginning.
func TestGRPC(t *testing.T) {
	w := nettest.New(t)
	cert, key := certificate(t)
	server, client := start(t, w.Far, "app", ""), start(t, w.Near, "app", "")
	o := observe(t, w)
	o.uses(server.pid)
	o.uses(client.pid)
	addr := server.do("grpc-serve %s:0 %s %s", w.Far.V4, cert, key)
	client.do("grpc-dial %s", addr)
	want := map[result]int{}
	for service, code := range map[string]codes.Code{"-": codes.OK, "unknown": codes.NotFound} {
		const n = 50
		if got := client.do("grpc-call %s %d", service, n); got != fmt.Sprint(int(code)) {
			t.Fatalf("status %s, want %v", got, code)
		}
		want[result{flow.Incoming, uint32(server.pid), netip.MustParseAddrPort(addr), "2", "POST", "/grpc.health.v1.Health/Check", 200, int(code)}] = n
	}
	o.want(flow.Outgoing, mirrored(want, client.pid))
	o.want(flow.Incoming, want)
	o.balanced()
}
