package main

import (
	"maps"
	"sync"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/plugins/rpc"
)

// supervised is implemented by inputs that keep an external running.
type supervised interface{ Status() supervisor.Status }

// children knows the externals of the inputs. It keeps the account also of
// those that ended or were built anew, because what they captured is still in
// the queue, or was uploaded.
type children struct {
	book *ledger.Book

	mu   sync.Mutex
	past rpc.Totals // of inputs that were succeeded
	live map[string]supervised
}

func newChildren(book *ledger.Book) *children {
	return &children{book: book, live: map[string]supervised{}}
}

// built notes that the job with this key built an input; the one it built
// before has ended.
func (c *children) built(key string, input any) {
	s, ok := input.(supervised)
	if !ok {
		return
	}
	c.book.Step(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if old := c.live[key]; old != nil {
			add(&c.past, old.Status().Totals)
		}
		c.live[key] = s
	})
}

// totals is the sum over all children. It is called between ledger steps.
func (c *children) totals() rpc.Totals {
	c.mu.Lock()
	defer c.mu.Unlock()
	var sum rpc.Totals
	add(&sum, c.past)
	for _, s := range c.live {
		add(&sum, s.Status().Totals)
	}
	return sum
}

// statuses lists the externals that were started last, those that run and
// those that ended.
func (c *children) statuses() (all []supervisor.Status) {
	c.mu.Lock()
	live := maps.Clone(c.live)
	c.mu.Unlock()
	for _, s := range live {
		all = append(all, s.Status())
	}
	return all
}

// add adds the counters of o to t.
func add(t *rpc.Totals, o rpc.Totals) {
	t.Captured += o.Captured
	t.Accepted += o.Accepted
	t.Filtered += o.Filtered
	t.Sampled += o.Sampled
	t.Unreported += o.Unreported
	t.Pending += o.Pending
	if t.Dropped == nil {
		t.Dropped = map[string]int64{}
	}
	addTo(t.Dropped, o.Dropped)
}
