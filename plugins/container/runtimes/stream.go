package runtimes

import (
	"context"
	"time"

	"datakit.dev/agent/internal/backoff"
)

// stream keeps listening to the events of a runtime.
type stream struct {
	stop context.CancelFunc
	done chan struct{}
}

// keepListening calls listen, which returns when the stream breaks, again and
// again until the stream is closed. Why it broke is not reported: the
// discovery meets the same trouble.
func keepListening(listen func(ctx context.Context)) *stream {
	ctx, stop := context.WithCancel(context.Background())
	s := &stream{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		delays := backoff.New(time.Second, time.Minute, nil)
		for ctx.Err() == nil {
			began := time.Now()
			listen(ctx)
			delays.Ran(time.Since(began))
			timer := time.NewTimer(delays.Next())
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
			}
		}
	}()
	return s
}

// close ends the stream and waits for it.
func (s *stream) close() {
	s.stop()
	<-s.done
}
