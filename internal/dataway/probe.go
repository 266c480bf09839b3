package dataway

import (
	"context"
	"time"

	"datakit.dev/agent/internal/point"
)

// Probe is what a look at a backend found.
type Probe struct {
	Reply
	Latency time.Duration // from dialling to the end of the reply

	// Skew is how far the backend's clock is ahead of ours, exact to half a
	// second and half the latency (the header Date counts whole seconds).
	// It is valid when Reply.Date is set.
	Skew time.Duration
}

// Reachable reports whether the backend answered at all.
func (p Probe) Reachable() bool { return p.Status != 0 || p.Verdict == Done }

// Probe posts an empty body to where blocks of category c go. Unlike a ping
// this shows whether the token, the database and the path are accepted.
// A backend that dislikes empty bodies answers 400, which is as good as Done:
// only the error of a verdict other than Done and [Bad] is trouble.
func (c *Client) Probe(ctx context.Context, cat point.Category) (Probe, error) {
	start := time.Now()
	reply, err := c.Post(ctx, cat, point.Identity, 0, nil)
	p := Probe{Reply: reply, Latency: time.Since(start)}
	if !reply.Date.IsZero() {
		p.Skew = reply.Date.Add(time.Second / 2).Sub(start.Add(p.Latency / 2))
	}
	if reply.Verdict == Bad {
		err = nil
	}
	return p, err
}
