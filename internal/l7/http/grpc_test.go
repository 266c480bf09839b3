package http

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// TestGRPC: calls of a real client to a real server, with every way a call can
// end: a message and trailers, trailers only, a stream, a cancelled stream.
func TestGRPC(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, service := grpc.NewServer(), health.NewServer()
	service.SetServingStatus("known", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(server, service)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()

	r := new(recording)
	conn, err := grpc.NewClient("passthrough:"+listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
			c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
			return tap{c, r}, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	client := healthpb.NewHealthClient(conn)
	type call struct {
		path string
		code codes.Code
	}
	var want []call
	for i := range 60 {
		path, service := "/grpc.health.v1.Health/Check", "known"
		switch i % 4 {
		case 1:
			service = "unknown"
		case 2:
			path = fmt.Sprintf("/no.such.Service%d/Method", i)
		case 3:
			path = "/grpc.health.v1.Health/Watch"
			streamCtx, cancel := context.WithCancel(ctx)
			stream, err := client.Watch(streamCtx, &healthpb.HealthCheckRequest{Service: service})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); err != nil {
				t.Fatal(err)
			}
			cancel()
			_, err = stream.Recv()
			if status.Code(err) != codes.Canceled {
				t.Fatal(err)
			}
			want = append(want, call{path, 1 << 31})
			continue
		}
		err := conn.Invoke(ctx, path, &healthpb.HealthCheckRequest{Service: service}, new(healthpb.HealthCheckResponse))
		want = append(want, call{path, status.Code(err)})
	}
	_ = conn.Close()
	server.Stop()

	rng := rand.New(rand.NewPCG(5, 6))
	for name, segments := range map[string][]Segment{
		"as written":   r.segments(),
		"byte by byte": cut(rng, r.segments(), 1),
		"small pieces": cut(rng, r.segments(), 30),
	} {
		var stats Stats
		got := sortByPos(decode(Config{Headers: true, Stats: &stats}, segments))
		if len(got) != len(want) {
			t.Fatalf("%s: %d exchanges, want %d; %+v", name, len(got), len(want), stats)
		}
		for i, w := range want {
			code := int(w.code)
			if w.code == 1<<31 {
				code = -1 // cancelled by the client: the server's trailers never come
			}
			e := &got[i]
			if e.Path != w.path || !e.GRPC || e.GRPCStatus != code || e.Status != 200 || e.Method != "POST" || e.Version != "2" {
				t.Errorf("%s: call %d is %s, want %s with code %d", name, i, full(e), w.path, code)
			}
			if e.TraceID != "0af7651916cd43dd8448eb211c80319c" || e.ParentID != "b7ad6b7169203331" {
				t.Errorf("%s: call %d has trace %q %q", name, i, e.TraceID, e.ParentID)
			}
			if e.RequestStart == 0 || e.RequestEnd < e.RequestStart || e.ResponseStart < e.RequestEnd || e.ResponseEnd < e.ResponseStart {
				t.Errorf("%s: call %d has times %s", name, i, full(e))
			}
		}
	}
}
