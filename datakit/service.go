package main

import (
	"context"
	"fmt"
)

// service is something that runs in a goroutine until it is closed.
type service struct {
	name string
	stop context.CancelFunc
	done chan struct{}
	err  error // valid after done
}

// begin runs run in a goroutine.
func begin(name string, run func(ctx context.Context) error) *service {
	ctx, stop := context.WithCancel(context.Background())
	s := &service{name: name, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		s.err = run(ctx)
	}()
	return s
}

// Close stops the service and waits for it until ctx ends; nil is fine.
func (s *service) Close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.stop()
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return fmt.Errorf("%s did not stop in time", s.name)
	}
}
