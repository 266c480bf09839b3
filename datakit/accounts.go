package main

import (
	"maps"
	"slices"

	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/queue"
)

// accounts composes one conservation law per backend:
//
//	captured + carried = before + uploaded + filtered + sampled + dropped + unreported + pending + queued
//
// captured, filtered, sampled and pending come from the feeds and children,
// which all backends share; the rest from the backend's own cursors. before
// is what was taken over before a backend was configured.
func (a *agent) accounts() []ledger.Account {
	var in, out, held []ledger.Entry
	var emitted int64
	dropped := map[string]int64{}
	for _, f := range a.feedStates() {
		in = append(in, ledger.Entry{Name: "captured", Reason: f.Name, Count: f.Captured})
		out = append(out, ledger.Entry{Name: "filtered", Reason: f.Name, Count: f.Filtered}, ledger.Entry{Name: "sampled", Reason: f.Name, Count: f.Sampled})
		held = append(held, ledger.Entry{Name: "pending", Reason: f.Name, Count: f.Pending})
		emitted += f.Emitted
		addTo(dropped, f.Dropped)
	}
	t := a.children.totals()
	in = append(in, ledger.Entry{Name: "captured", Reason: "children", Count: t.Captured})
	out = append(out, ledger.Entry{Name: "filtered", Reason: "children", Count: t.Filtered},
		ledger.Entry{Name: "sampled", Reason: "children", Count: t.Sampled}, ledger.Entry{Name: "unreported", Count: t.Unreported})
	held = append(held, ledger.Entry{Name: "pending", Reason: "children", Count: t.Pending})
	addTo(dropped, t.Dropped)

	var all []ledger.Account
	for _, b := range a.backendTotals() {
		lost := maps.Clone(dropped)
		addTo(lost, b.Dropped)
		all = append(all, ledger.Account{
			Name: "points/" + b.Backend, Unit: "points",
			In: compact(append(slices.Clone(in), ledger.Entry{Name: "carried", Count: b.Carried})),
			Out: compact(append(append(slices.Clone(out), ledger.Entry{Name: "before", Count: a.before[b.Backend]},
				ledger.Entry{Name: "uploaded", Count: b.Uploaded}), reasons(lost)...)),
			Held: compact(append(slices.Clone(held), ledger.Entry{Name: "queued", Count: b.Queued})),
		})
	}
	return append(all, a.eventAccounts()...)
}

// eventAccounts are those the children keep of their events, as of the last
// look at each.
func (a *agent) eventAccounts() (all []ledger.Account) {
	for _, c := range a.children.statuses() {
		all = append(all, c.Health.Accounts...)
	}
	return all
}

// backendTotals sums the cursors of each backend.
func (a *agent) backendTotals() []queue.CursorStats {
	var all []queue.CursorStats
	for _, c := range a.queue.Stats().Cursors {
		i := slices.IndexFunc(all, func(t queue.CursorStats) bool { return t.Backend == c.Backend })
		if i < 0 {
			i = len(all)
			all = append(all, queue.CursorStats{Backend: c.Backend, Dropped: map[string]int64{}})
		}
		t := &all[i]
		t.Carried += c.Carried
		t.Put += c.Put
		t.Uploaded += c.Uploaded
		t.Queued += c.Queued
		addTo(t.Dropped, c.Dropped)
	}
	return all
}

// noteBackends fixes what was taken over before each new backend was there.
// It is called once its cursors exist.
func (a *agent) noteBackends() {
	a.book.View(func() {
		emitted := a.children.totals().Accepted
		for _, f := range a.feedStates() {
			emitted += f.Emitted
		}
		before := map[string]int64{}
		for _, b := range a.backendTotals() {
			if known, ok := a.before[b.Backend]; ok {
				before[b.Backend] = known
			} else {
				before[b.Backend] = emitted - b.Put
			}
		}
		a.before = before
	})
}

func addTo(sum, more map[string]int64) {
	for reason, n := range more {
		sum[reason] += n
	}
}

func reasons(dropped map[string]int64) (all []ledger.Entry) {
	for _, reason := range slices.Sorted(maps.Keys(dropped)) {
		all = append(all, ledger.Entry{Name: "dropped", Reason: reason, Count: dropped[reason]})
	}
	return all
}

// compact leaves out what is zero and of minor interest.
func compact(all []ledger.Entry) []ledger.Entry {
	return slices.DeleteFunc(all, func(e ledger.Entry) bool {
		return e.Count == 0 && e.Name != "captured" && e.Name != "uploaded" && e.Name != "queued"
	})
}

// feedStates lists the feeds of this process.
func (a *agent) feedStates() []httpapi.FeedState {
	return []httpapi.FeedState{a.own.state(), a.api.state()}
}
