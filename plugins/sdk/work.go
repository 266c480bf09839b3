package sdk

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"datakit.dev/agent/internal/feed"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/limit"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/profiles"
)

// work is what both ways of running have in common: plugins, feed, limits
// and profiles.
type work struct {
	program Program
	log     *slog.Logger
	book    *ledger.Book
	fs      hostfs.Root
	engine  *engine
	feed    *feed.Feed

	limitWindow, limitEvery time.Duration // 0: the defaults
}

// limitFlush is how long a program that exceeds a limit may flush.
const limitFlush = 2 * time.Second

// start makes the feed. tags are global, the weakest.
func (w *work) start(out point.BlockSink, tags ...map[string]string) error {
	global := map[string]string{}
	for _, t := range append(tags, w.engine.settings.Tags) {
		maps.Copy(global, t)
	}
	f, err := feed.New(feed.Config{Name: w.program.Name, Out: out, Book: w.book, Tags: global, Log: w.log})
	w.feed = f
	return err
}

// run runs the plugins until ctx ends or a limit is exceeded, which it
// returns.
func (w *work) run(ctx context.Context) (exceeded error) {
	if mem := w.engine.limits.Mem; mem > 0 && debug.SetMemoryLimit(-1) == math.MaxInt64 {
		// Below the limit the garbage collector works harder instead of
		// growing; GOMEMLIMIT in the environment wins.
		debug.SetMemoryLimit(mem - mem/10)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var others sync.WaitGroup
	s := w.engine.settings
	if s.PprofPort != "" {
		others.Go(func() { profiles.Serve(ctx, w.log, net.JoinHostPort(or(s.PprofHost, "127.0.0.1"), s.PprofPort)) })
	}
	if w.engine.limits.Any() {
		watcher := &limit.Watcher{Limits: w.engine.limits, Read: limit.Tree(os.Getpid(), w.fs), Now: time.Now, Window: w.limitWindow, Every: w.limitEvery}
		others.Go(func() {
			if exceeded = watcher.Run(ctx); exceeded != nil {
				w.log.Error("resource limit exceeded, leaving", "limit", exceeded)
				cancel()
			}
		})
	}
	w.engine.run(ctx, w.feed)
	<-ctx.Done() // plugins that all failed stay reported
	cancel()
	others.Wait()
	return exceeded
}

// flush sends what the plugins left.
func (w *work) flush(ctx context.Context) error {
	if err := w.feed.Close(ctx); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	return nil
}
