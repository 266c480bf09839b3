package sdk

import (
	"context"
	"errors"
	"log/slog"

	"datakit.dev/agent/internal/feed"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// Delivery says where and how a sub-command delivers points.
type Delivery struct {
	Server   string // HTTP API of an agent, "host:port" or URL
	Name     string // of the program
	Version  string
	Hostname string            // tag host; "": the system's name
	Tags     map[string]string // of every point
	Log      *slog.Logger
}

// Deliver lets collect feed points, which are posted to an agent, and returns
// when all are delivered.
func Deliver(ctx context.Context, d Delivery, collect func(context.Context, point.Sink) error) (err error) {
	book := &ledger.Book{}
	host := options{hostname: d.Hostname}.host(&resolved{settings: Settings{Tags: d.Tags}})
	out, err := newPoster(d.Server, d.Name, d.Version, host, book)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.close()) }()
	tags := map[string]string{"host": host}
	for k, v := range d.Tags {
		tags[k] = v
	}
	f, err := feed.New(feed.Config{Name: d.Name, Out: out, Book: book, Tags: tags, Log: d.Log})
	if err != nil {
		return err
	}
	err = collect(ctx, f)
	flushing, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return errors.Join(err, f.Close(flushing))
}
