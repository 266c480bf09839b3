package main

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"datakit.dev/agent/internal/runner"
	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/plugins/rpc"
)

// supervised is implemented by inputs that keep an external running.
type supervised interface{ Status() supervisor.Status }

// children knows the externals of the inputs. The points of those that are
// gone stay in the account, because what they captured is still in the queue,
// or was uploaded.
type children struct {
	mu     sync.Mutex
	past   rpc.Totals // of those that are gone
	live   []external
	wanted map[string]bool // keys of the jobs that are configured
}

// external is what the job with this key built.
type external struct {
	key   string
	input supervised
}

// want says which jobs are configured from now on.
func (c *children) want(jobs []runner.Job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wanted = map[string]bool{}
	for _, j := range jobs {
		c.wanted[j.Key] = true
	}
}

// built notes that the job with this key built an input.
func (c *children) built(key string, input any) {
	s, ok := input.(supervised)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = append(c.live, external{key, s})
}

// forget adds up and drops those that have ended and that nobody asks about
// any more: their job is not configured, or has built another. One that is
// configured and stays down is kept, so that it can be seen why.
func (c *children) forget() {
	kept := c.live[:0]
	for i, e := range c.live {
		st := e.input.Status()
		succeeded := slices.ContainsFunc(c.live[i+1:], func(o external) bool { return o.key == e.key })
		if st.Ended() && (succeeded || !c.wanted[e.key]) {
			add(&c.past, st.Totals)
			continue
		}
		kept = append(kept, e)
	}
	clear(c.live[len(kept):])
	c.live = kept
}

// totals is the sum over all children. It is called between ledger steps.
func (c *children) totals() rpc.Totals {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
	var sum rpc.Totals
	add(&sum, c.past)
	for _, e := range c.live {
		add(&sum, e.input.Status().Totals)
	}
	return sum
}

// statuses lists the externals that run and those that should, by name. No
// two have the same: of several externals with one name the second is "x#2".
func (c *children) statuses() (all []supervisor.Status) {
	c.mu.Lock()
	c.forget()
	live := slices.Clone(c.live)
	c.mu.Unlock()
	slices.SortStableFunc(live, func(a, b external) int { return cmp.Compare(a.key, b.key) })
	seen := map[string]int{}
	for _, e := range live {
		st := e.input.Status()
		seen[st.Name]++
		if n := seen[st.Name]; n > 1 {
			st.Name = fmt.Sprintf("%s#%d", st.Name, n)
		}
		all = append(all, st)
	}
	slices.SortFunc(all, func(a, b supervisor.Status) int { return cmp.Compare(a.Name, b.Name) })
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
