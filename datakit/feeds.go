package main

import (
	"context"
	"sync/atomic"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/feed"
	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/point/selection"
)

// How long points wait for others to make a block with: of own collectors
// as configured, of clients, who wait for the answer, briefly.
const clientLinger = 5 * time.Millisecond

// intake is a feed of this process.
type intake struct {
	feed *feed.Feed
	name string

	unselected atomic.Int64 // points that the lists of their input leave out, before the feed
}

// newFeeds makes the feed of the own collectors, which drops the oldest when
// the queue is full, and that of the API, which refuses.
func (a *agent) newFeeds(m *config.Main) (own, api *intake, err error) {
	build := func(name string, out point.BlockSink, linger time.Duration) (*intake, error) {
		f, err := feed.New(feed.Config{
			Name: name, Out: a.tap.Wrap(out), Book: a.book, Tags: a.host().tags,
			MaxPoints: m.IO.MaxCacheCount, Linger: linger, Log: a.log,
		})
		return &intake{feed: f, name: name}, err
	}
	if own, err = build("inputs", a.queue, m.IO.FlushInterval); err != nil {
		return nil, nil, err
	}
	api, err = build("api", a.queue.Offer(), clientLinger)
	return own, api, err
}

// Feed takes points of an input.
func (in *intake) Feed(ctx context.Context, c point.Category, pts []point.Point) error {
	return in.feed.Feed(ctx, c, pts)
}

// behind returns where an input feeds its points: here, by way of the lists
// in its configuration when it has any.
func (in *intake) behind(cfg any) point.Sink {
	s, ok := cfg.(inputs.Selector)
	if !ok || s.Selection().All() {
		return in
	}
	return selection.Wrap(in, s.Selection(), func(n int) { in.unselected.Add(int64(n)) })
}

// Lines stores what a client posted; see [httpapi.Writer].
func (in *intake) Lines(ctx context.Context, c point.Category, l httpapi.Lines) (points int, err error) {
	return in.feed.Lines(ctx, c, feed.Lines(l))
}

func (in *intake) state() httpapi.FeedState {
	s, unselected := in.feed.Stats(), in.unselected.Load()
	return httpapi.FeedState{
		Name: in.name, Captured: s.Captured + unselected, Emitted: s.Emitted, Filtered: s.Filtered + unselected, Sampled: s.Sampled,
		Pending: s.Pending, Dropped: s.Dropped,
	}
}
