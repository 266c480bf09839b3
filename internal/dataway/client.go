package dataway

import (
	"context"
	"fmt"

	"datakit.dev/agent/internal/point"
)

// Client delivers to one backend. It is safe for concurrent use.
type Client struct {
	target Target
	poster poster
}

// poster is what a kind of backend implements.
type poster interface {
	post(ctx context.Context, c point.Category, e point.Encoding, points int, parts [][]byte) (Reply, error)
	close() error
}

// New validates the target. It does no I/O: a backend that is down, or a
// certificate that is not there yet, shows in the replies.
func New(t Target) (*Client, error) {
	p, err := newPoster(&t)
	if err != nil {
		return nil, fmt.Errorf("configure backend %q: %w", t.Name, err)
	}
	return &Client{t, p}, nil
}

func newPoster(t *Target) (poster, error) {
	if t.Kind == File {
		return NewStore(StoreConfig{Dir: t.Dir, MaxBytes: t.MaxBytes})
	}
	return newHTTPPoster(t)
}

// Post delivers one body: the payloads of one or several blocks of category c
// and encoding e, points lines in all. The parts are not changed, and not read
// after the call.
//
// Reply.Verdict is always valid. The error is nil exactly when it is [Done];
// otherwise it says why, without secrets, and wraps [context.DeadlineExceeded]
// when the target's timeout passed.
func (c *Client) Post(ctx context.Context, cat point.Category, e point.Encoding, points int, parts [][]byte) (Reply, error) {
	reply, err := c.poster.post(ctx, cat, e, points, parts)
	if err != nil {
		err = fmt.Errorf("post to backend %q: %w", c.target.Name, err)
	}
	return reply, err
}

// Close ends idle connections and closes files. Calls of Post end first.
func (c *Client) Close() error { return c.poster.close() }

// StoreStats returns the counters of the local store; ok is false for other
// kinds.
func (c *Client) StoreStats() (stats StoreStats, ok bool) {
	s, ok := c.poster.(*Store)
	if !ok {
		return stats, false
	}
	return s.Stats(), true
}
