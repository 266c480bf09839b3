package inputs

// Carrier is implemented by inputs whose points are captured elsewhere, in a
// child process, and arrive as finished blocks. It is how they show in the
// ledger.
type Carrier interface {
	// Totals returns the account since the input was built. It changes
	// within steps of Env.Book only, does not block, and may be called
	// until the next input of the same configuration has been built.
	Totals() Totals
}

// Totals accounts for the points of a child process and of all that ran
// before it: Captured = Accepted + Filtered + Sampled + Dropped + Unreported + Pending.
type Totals struct {
	Captured   int64
	Accepted   int64            // taken over by Env.Blocks
	Filtered   int64            // by a rule
	Sampled    int64            // thinned out
	Dropped    map[string]int64 // by reason
	Unreported int64            // were pending in a child that died
	Pending    int64            // in the child now
}

// Add adds the counters of o.
func (t *Totals) Add(o Totals) {
	t.Captured += o.Captured
	t.Accepted += o.Accepted
	t.Filtered += o.Filtered
	t.Sampled += o.Sampled
	t.Unreported += o.Unreported
	t.Pending += o.Pending
	if t.Dropped == nil && len(o.Dropped) > 0 {
		t.Dropped = map[string]int64{}
	}
	for reason, n := range o.Dropped {
		t.Dropped[reason] += n
	}
}
