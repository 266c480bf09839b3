package ebpfnet

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// grpcServer serves the health service, which knows itself and nothing else.
type grpcServer struct{ server *grpc.Server }

// Close implements [io.Closer].
func (s grpcServer) Close() error {
	s.server.Stop()
	return nil
}

var _ io.Closer = grpcServer{}

func serveGRPC(addr string) (grpcServer, string, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return grpcServer{}, "", err
	}
	s := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(s, health.NewServer())
	go func() { _ = s.Serve(l) }()
	return grpcServer{s}, l.Addr().String(), nil
}

// callGRPC asks n times on one connection for the health of a service and
// counts the answers by status.
func callGRPC(addr, service string, n int) (map[string]int, error) {
	conn, err := grpc.NewClient("passthrough:///"+addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := grpc_health_v1.NewHealthClient(conn)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	got := map[string]int{}
	for range n {
		_, err := client.Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: service})
		got[fmt.Sprint(int(status.Code(err)))]++
	}
	return got, nil
}

// TestGRPC: gRPC in clear with its status codes, on both sides.
func TestGRPC(t *testing.T) {
	w := newWorld(t)
	client, server := w.near.start(t), w.far.start(t)
	watch := observePackets(t, w, nil, []string{"httpflow"})
	n := 1000
	if emulated() {
		n = 50
	}
	s := server.do(order{Do: "grpc serve", Addr: w.far.addr(false, 0)})
	for service, code := range map[string]codes.Code{"": codes.OK, "nobody": codes.NotFound} {
		watch.forget()
		want := map[string]int{fmt.Sprint(int(code)): n}
		compare(t, "the client's answers", client.do(order{Do: "grpc call", Addr: s.Addr, Kind: service, N: n}).Log, want)
		watch.report()
		for _, direction := range []string{outgoing, incoming} {
			got := map[string]int{}
			for _, r := range watch.rows["httpflow"] {
				if r["direction"] == direction && r.text("path") == "/grpc.health.v1.Health/Check" && r.int("status_code") == 200 {
					got[fmt.Sprint(r.int("grpc_status"))] += r.int("count")
				}
			}
			compare(t, direction+", by grpc_status", got, want)
		}
	}
	watch.nothingLost()
}
