package queue

import (
	"sync"

	"datakit.dev/agent/internal/point"
)

// shares is the number of parts the bound is cut into. Every category owns
// one: however much the others queue, it can hold that much. The remaining
// parts are common.
const shares = 64

// budget divides the bytes of the queue among the categories.
type budget struct {
	max   int64 // of all categories together
	share int64 // of each category for itself

	mu    sync.Mutex
	used  [point.Security + 1]int64
	freed signal
}

func newBudget(limit int64) *budget { return &budget{max: limit, share: limit / shares} }

// largest block that fits an empty queue.
func (b *budget) largest() int64 { return b.common() + b.share }

// common is the size of the part for all.
func (b *budget) common() int64 { return b.max - b.share*int64(point.Security) }

// borrowed is how much of the common part is used. The caller holds mu.
func (b *budget) borrowed() (sum int64) {
	for _, n := range b.used {
		sum += max(0, n-b.share)
	}
	return sum
}

// take reserves n bytes for c if they fit.
func (b *budget) take(c point.Category, n int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used[c] += n
	if b.used[c] <= b.share || b.borrowed() <= b.common() {
		return true
	}
	b.used[c] -= n
	return false
}

// add counts bytes found on disk, whether they fit or not.
func (b *budget) add(c point.Category, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used[c] += n
}

// give returns n bytes.
func (b *budget) give(c point.Category, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used[c] -= n
	b.freed.broadcast()
}

// nudge makes those who wait look again: a reservation became a record, which
// can be dropped.
func (b *budget) nudge() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.freed.broadcast()
}

// wait returns a channel that is closed when bytes are given back.
func (b *budget) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.freed.wait()
}

// pressed reports whether somebody waits for bytes.
func (b *budget) pressed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.freed.waiting()
}

// full reports whether the common part is used up.
func (b *budget) full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.borrowed() >= b.common()
}

// total is the number of bytes in use.
func (b *budget) total() (sum int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range b.used {
		sum += n
	}
	return sum
}

// victims lists the categories that borrow from the common part, the one that
// borrows most first.
func (b *budget) victims() []point.Category {
	b.mu.Lock()
	defer b.mu.Unlock()
	used := b.used
	var all []point.Category
	for {
		var most point.Category
		for _, c := range point.Categories() {
			if used[c] > b.share && (most == 0 || used[c] > used[most]) {
				most = c
			}
		}
		if most == 0 {
			return all
		}
		used[most] = 0
		all = append(all, most)
	}
}
