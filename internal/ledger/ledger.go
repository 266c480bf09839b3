// Package ledger accounts for every event and every point: what came in, what
// went out, what is held, what was dropped and why.
//
// An [Account] is one conservation law. Its parts are counted independently,
// each by the stage that does the work (what a queue holds is read from the
// queue, not derived), so a point that is lost without a reason shows as a
// balance other than zero.
package ledger

import (
	"fmt"
	"slices"
	"sync"
)

// Entry is one counted part of an account, cumulative since the start of the
// process for flows, current for what is held.
type Entry struct {
	Name   string `json:"name"`             // "captured", "uploaded", "dropped", "queued", …
	Reason string `json:"reason,omitempty"` // why, for what was dropped
	Count  int64  `json:"count"`
}

// Account is one conservation law: the sum of In equals the sum of Out plus
// the sum of Held.
type Account struct {
	Name string  `json:"name"` // "points/<backend>", "events/ebpf-net/tcp_close", …
	Unit string  `json:"unit"` // "points", "events", "connections"
	In   []Entry `json:"in"`
	Out  []Entry `json:"out"`
	Held []Entry `json:"held"`
}

// Balance is the sum of In less Out and Held: zero when nothing is
// unexplained.
func (a Account) Balance() int64 {
	return total(a.In) - total(a.Out) - total(a.Held)
}

func total(entries []Entry) (sum int64) {
	for _, e := range entries {
		sum += e.Count
	}
	return sum
}

// Check returns an error naming the first account that does not add up.
func Check(accounts []Account) error {
	for _, a := range accounts {
		if b := a.Balance(); b != 0 {
			return fmt.Errorf("account %s does not add up: %+d %s unexplained", a.Name, b, a.Unit)
		}
	}
	return nil
}

// Source contributes accounts to a book. It is called with all stages at
// rest (see [Book.Step]), must not block and must not call Step.
type Source func() []Account

// Book collects the accounts of a process. The zero Book is ready for use.
//
// A stage that moves points from one counter to another does so within
// [Book.Step]; [Book.Snapshot] waits until no step is under way, so that it
// never sees a point in two places or in none. Steps are taken per batch, not
// per point, and contain no network I/O.
type Book struct {
	gate    sync.RWMutex
	mu      sync.Mutex
	sources []Source
}

// Add registers a source.
func (b *Book) Add(s Source) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sources = append(b.sources, s)
}

// Step runs move, which changes two or more counters that belong together.
// Steps of different goroutines run concurrently. Steps must not nest.
func (b *Book) Step(move func()) {
	b.gate.RLock()
	defer b.gate.RUnlock()
	move()
}

// View runs read at one moment between steps. read must not block and must
// not call Step.
func (b *Book) View(read func()) {
	b.gate.Lock()
	defer b.gate.Unlock()
	read()
}

// Snapshot returns all accounts at one moment between steps.
func (b *Book) Snapshot() []Account {
	b.mu.Lock()
	sources := slices.Clone(b.sources)
	b.mu.Unlock()

	b.gate.Lock()
	defer b.gate.Unlock()
	var all []Account
	for _, s := range sources {
		all = append(all, s()...)
	}
	return all
}
