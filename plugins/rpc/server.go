package rpc

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"datakit.dev/agent/internal/ledger"
	protov1 "datakit.dev/agent/plugins/proto/v1"
)

// server is the child's side of the boundary.
type server struct {
	protov1.UnimplementedCollectorServer

	collector  Collector
	book       *ledger.Book
	window     int
	collecting atomic.Bool
}

func (s *server) Describe(context.Context, *protov1.DescribeRequest) (*protov1.DescribeResponse, error) {
	return descriptionToProto(s.collector.Describe()), nil
}

func (s *server) Configure(ctx context.Context, r *protov1.ConfigureRequest) (*protov1.ConfigureResponse, error) {
	done, err := s.collector.Configure(ctx, configFromProto(r))
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	return &protov1.ConfigureResponse{Plugins: done.Plugins, Warnings: done.Warnings}, nil
}

func (s *server) Health(context.Context, *protov1.HealthRequest) (*protov1.HealthResponse, error) {
	return healthToProto(s.collector.Health()), nil
}

func (s *server) Stop(ctx context.Context, r *protov1.StopRequest) (*protov1.StopResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(r.GetDeadlineMillis())*time.Millisecond)
	defer cancel()
	return &protov1.StopResponse{Unfinished: s.collector.Stop(ctx)}, nil
}

// Collect serves the one stream of the child's life.
func (s *server) Collect(stream grpc.BidiStreamingServer[protov1.Ack, protov1.Frame]) error {
	if !s.collecting.CompareAndSwap(false, true) {
		return status.Error(codes.FailedPrecondition, "this child has been collecting already")
	}
	out := newOutlet(stream, s.book, s.window)
	// gRPC ends Recv when this handler returns, so the reader is not waited
	// for here: it touches nothing but the outlet.
	go out.readAcks(stream)
	err := s.collector.Collect(stream.Context(), out)
	out.close(ErrShutdown)
	if err != nil && !errors.Is(err, context.Canceled) {
		return status.Error(codes.Internal, err.Error())
	}
	return nil
}
