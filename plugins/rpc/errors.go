package rpc

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrShutdown is what every way of losing the other side turns into.
var ErrShutdown = errors.New("the other side of the plugin connection is gone")

// ErrConfig is wrapped by errors of Configure that trying again does not
// cure.
var ErrConfig = errors.New("invalid configuration")

// tidy turns transport noise into one error: the context's own when it ended,
// [ErrShutdown] when the other side went away, [ErrConfig] for a refused
// configuration, and the bare message otherwise.
func tidy(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, io.EOF) {
		return ErrShutdown
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	switch s.Code() {
	case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded:
		return ErrShutdown
	case codes.InvalidArgument:
		return fmt.Errorf("%w: %s", ErrConfig, s.Message())
	default:
		return errors.New(s.Message())
	}
}
