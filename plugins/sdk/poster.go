package sdk

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// poster is a [point.BlockSink] that posts each block to the HTTP API of an
// agent, once. The feed in front of it tries again, with a growing delay and a
// bounded number of blocks in hand; a block is never dropped for an agent that
// is away.
type poster struct {
	client *dataway.Client
	book   *ledger.Book
}

// newPoster posts to address, "host:port" or a URL. feed names the input in
// the agent's reports.
func newPoster(address, feed, version, host string, book *ledger.Book) (*poster, error) {
	u, err := apiServer(address)
	if err != nil {
		return nil, err
	}
	// The agent is on this host as a rule; its API adds no tag that is there
	// already.
	u.RawQuery = url.Values{"input": {feed}, "precision": {"n"}}.Encode()
	client, err := dataway.New(dataway.Target{
		Name: u.Host, Kind: dataway.Dataway, URL: u.String(), Agent: dataway.UserAgent(version, host),
	})
	if err != nil {
		return nil, err
	}
	return &poster{client: client, book: book}, nil
}

// apiServer is the URL of the flag --datakit-apiserver.
func apiServer(address string) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("parse --datakit-apiserver: %w", err)
	}
	if u.Hostname() == "0.0.0.0" { // "any address", the default of the reference: this host
		u.Host = "127.0.0.1:" + u.Port()
	}
	return u, nil
}

// Put implements [point.BlockSink].
func (p *poster) Put(ctx context.Context, b *point.Block) error {
	reply, err := p.client.Post(ctx, b.Category, b.Encoding, b.Points, [][]byte{b.Payload})
	switch reply.Verdict {
	case dataway.Done:
		p.book.Step(func() {
			if b.Accepted != nil {
				b.Accepted()
			}
		})
		return nil
	case dataway.Bad, dataway.TooLarge:
		return fmt.Errorf("%w: %w", point.ErrRefused, err)
	case dataway.Retry:
		pause(ctx, reply.After)
	}
	return err
}

// maxRetryAfter bounds what a server may ask us to wait.
const maxRetryAfter = time.Minute

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(min(d, maxRetryAfter))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (p *poster) close() error { return p.client.Close() }
