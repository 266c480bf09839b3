package runtimes

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"datakit.dev/agent/internal/hostfs"
)

// timeout bounds what one runtime may take for one answer: one that hangs
// must not hold up the others for ever.
const timeout = 10 * time.Second

// client is a runtime that answered.
type client interface {
	List(ctx context.Context) ([]Container, error)
	Close() error
}

// Set is the runtimes of a host. Sockets come and go; a runtime that was
// restarted is connected to again. Safe for concurrent use.
type Set struct {
	fs        hostfs.Root
	endpoints []string

	began   time.Time
	mu      sync.Mutex
	clients map[string]client    // by socket
	told    map[string]time.Time // OOM kills that were handed over, by container
}

// NewSet makes a set that connects when it is asked. Endpoints are what
// [Socket] takes.
func NewSet(root hostfs.Root, endpoints []string) *Set {
	return &Set{fs: root, endpoints: slices.Clone(endpoints), clients: map[string]client{}, began: time.Now()}
}

// List returns the containers of all runtimes, in the order of their ids, and
// how many runtimes answered. An error is that of the runtimes that did not;
// the containers of the others are returned with it.
func (s *Set) List(ctx context.Context) (all []Container, answered int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	there, err := sockets(s.fs, s.endpoints)
	if err != nil {
		return nil, 0, err
	}
	var errs []error
	for socket, c := range s.clients {
		if !slices.Contains(there, socket) {
			errs = append(errs, c.Close())
			delete(s.clients, socket)
		}
	}
	for _, socket := range there {
		found, err := s.list(ctx, socket)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		answered++
		all = append(all, found...)
	}
	// Two sockets may lead to the same runtime.
	slices.SortStableFunc(all, func(a, b Container) int { return strings.Compare(a.ID, b.ID) })
	all = slices.CompactFunc(all, func(a, b Container) bool { return a.ID == b.ID })
	s.tellOnce(all, len(errs) == 0)
	return all, answered, errors.Join(errs...)
}

// tellOnce clears the OOM kills that were told before, and those from before
// the set was made: some runtimes keep them with the container. What a runtime
// that does not answer had told stays known. s.mu is held.
func (s *Set) tellOnce(all []Container, complete bool) {
	told := map[string]time.Time{}
	if !complete {
		maps.Copy(told, s.told)
	}
	for i := range all {
		c := &all[i]
		before := s.told[c.ID]
		if c.OOM.Before(s.began) || c.OOM.Equal(before) {
			c.OOM = time.Time{}
		} else {
			before = c.OOM
		}
		if !before.IsZero() {
			told[c.ID] = before
		}
	}
	s.told = told
}

// list asks the runtime at a socket. s.mu is held.
func (s *Set) list(ctx context.Context, socket string) ([]Container, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c := s.clients[socket]
	if c == nil {
		var err error
		if c, err = dial(ctx, socket); err != nil {
			return nil, err
		}
		s.clients[socket] = c
	}
	return c.List(ctx)
}

// dial finds out what a socket speaks. A gRPC server speaks first, which Go's
// HTTP client would complain about in the log, so it is tried first.
func dial(ctx context.Context, socket string) (client, error) {
	c, err := dialGRPC(ctx, socket)
	if err == nil {
		return c, nil
	}
	d, derr := dialDocker(ctx, socket)
	if derr == nil {
		return d, nil
	}
	return nil, errors.Join(err, derr)
}

// Sockets lists the sockets that are connected.
func (s *Set) Sockets() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for socket := range s.clients {
		all = append(all, socket)
	}
	slices.Sort(all)
	return all
}

// Close closes the connections.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for socket, c := range s.clients {
		errs = append(errs, c.Close())
		delete(s.clients, socket)
	}
	return errors.Join(errs...)
}
