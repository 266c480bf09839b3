package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	protov1 "datakit.dev/agent/plugins/proto/v1"
)

// Client is the host's side of one child. Errors are [ErrShutdown] when the
// child is gone and ctx.Err when ctx ended.
type Client struct {
	service protov1.CollectorClient
}

// Describe asks the child what it is.
func (c *Client) Describe(ctx context.Context, hostVersion string) (Description, error) {
	r, err := c.service.Describe(ctx, &protov1.DescribeRequest{HostVersion: hostVersion})
	return descriptionFromProto(r), tidy(ctx, err)
}

// Configure hands over the configuration. An error that wraps [ErrConfig] is
// the user's to repair.
func (c *Client) Configure(ctx context.Context, cfg Config) (Configured, error) {
	r, err := c.service.Configure(ctx, configToProto(cfg))
	return Configured{Plugins: r.GetPlugins(), Warnings: r.GetWarnings()}, tidy(ctx, err)
}

// Health asks the child how it is.
func (c *Client) Health(ctx context.Context) (Health, error) {
	r, err := c.service.Health(ctx, &protov1.HealthRequest{})
	return healthFromProto(r), tidy(ctx, err)
}

// Stop makes the child flush and end, within the deadline. Collect returns
// nil after that. unfinished names what did not end in time.
func (c *Client) Stop(ctx context.Context, deadline time.Duration) (unfinished []string, err error) {
	r, err := c.service.Stop(ctx, &protov1.StopRequest{DeadlineMillis: deadline.Milliseconds()})
	return r.GetUnfinished(), tidy(ctx, err)
}

// Collect receives blocks until the child ends the stream, puts them into
// sink in the order they were cut, several at a time, and acknowledges each
// one when it is durable. It moves tally in the ledger step in which sink
// takes a block over.
//
// It returns nil after an orderly end, with leaving set when the child said
// that it exits by itself. All calls of sink.Put have returned by then.
func (c *Client) Collect(ctx context.Context, sink point.BlockSink, book *ledger.Book, tally *Tally) (leaving string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.service.Collect(ctx, grpc.MaxCallRecvMsgSize(maxMessage))
	if err != nil {
		return "", tidy(ctx, err)
	}
	in := newIntake(stream, sink, book, tally)
	err = in.run(ctx)
	return in.leaving, err
}
