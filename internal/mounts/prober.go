package mounts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrNoAnswer is wrapped by the error of a mount that did not answer in time,
// or has not answered a question of before.
var ErrNoAnswer = errors.New("no answer")

// Prober asks mounts for their usage, all at once, and waits at most Timeout
// for them together. A statfs on a dead network file system cannot be
// interrupted: its goroutine stays until the kernel lets go of it, and until
// then this mount is not asked again. So there is at most one goroutine per
// mount, and a dead mount delays the first probe only.
type Prober struct {
	timeout time.Duration
	statfs  func(path string) (Usage, error)

	mu      sync.Mutex
	pending map[string]bool
	missed  int64
}

// NewProber makes a prober. statfs is usually [Statfs].
func NewProber(timeout time.Duration, statfs func(path string) (Usage, error)) *Prober {
	return &Prober{timeout: timeout, statfs: statfs, pending: map[string]bool{}}
}

// Answer is the usage of one path, or why it is not known.
type Answer struct {
	Usage
	Err error
}

// Probe asks all paths and returns an answer for each.
func (p *Prober) Probe(ctx context.Context, paths []string) []Answer {
	type indexed struct {
		i int
		Answer
	}
	answers := make([]Answer, len(paths))
	arrived := make(chan indexed, len(paths)) // never blocks a late one
	asked := 0
	for i, path := range paths {
		answers[i].Err = fmt.Errorf("%s: %w within %s", path, ErrNoAnswer, p.timeout)
		if !p.begin(path) {
			continue
		}
		asked++
		go func() {
			u, err := p.statfs(path)
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			p.end(path)
			arrived <- indexed{i, Answer{u, err}}
		}()
	}
	timer := time.NewTimer(p.timeout)
	defer timer.Stop()
	for range asked {
		select {
		case a := <-arrived:
			answers[a.i] = a.Answer
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		break
	}
	p.count(answers)
	return answers
}

func (p *Prober) begin(path string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending[path] {
		return false
	}
	p.pending[path] = true
	return true
}

func (p *Prober) end(path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pending, path)
}

func (p *Prober) count(answers []Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range answers {
		if errors.Is(a.Err, ErrNoAnswer) {
			p.missed++
		}
	}
}

// Stats tells how many mounts have a question open, and how many answers
// were missed since the start.
func (p *Prober) Stats() (pending int, missed int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.pending), p.missed
}
