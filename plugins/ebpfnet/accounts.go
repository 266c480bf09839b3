package ebpfnet

import (
	"slices"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/plugins"
)

// Hooks tells what the plugin stands on.
func (p *Plugin) Hooks() []plugins.Hook {
	if hooks := p.hooks.Load(); hooks != nil {
		return *hooks
	}
	return nil
}

func (p *Plugin) noteHooks() {
	var hooks []plugins.Hook
	var all []bpf.Status
	if p.tracer != nil {
		all = p.tracer.ladder.Status()
	}
	if p.apps != nil {
		all = append(slices.Clone(all), p.apps.status...)
	}
	all = append(slices.Clone(all), p.processes.status()...)
	if p.plaintext != nil {
		all = append(all, p.plaintext.Status()...)
	}
	for _, s := range all {
		hooks = append(hooks, plugins.Hook{Feature: s.Feature, Attach: s.Attach, Rung: s.Rung, OK: s.OK, Reason: s.Reason})
	}
	p.hooks.Store(&hooks)
}

// Accounts tells where the connections are that the kernel programs counted,
// as of the last look at the ring.
func (p *Plugin) Accounts() []ledger.Account {
	if accounts := p.accounts.Load(); accounts != nil {
		return *accounts
	}
	return nil
}

// tries bounds how often the books are taken again when they do not balance:
// programs go on counting while the counters are read one after the other.
const tries = 16

func (p *Plugin) noteAccounts() {
	var packets []ledger.Account
	if p.apps != nil {
		packets = p.apps.books()
	}
	if p.plaintext != nil {
		packets = append(packets, p.plaintext.Accounts()...)
	}
	if p.tracer == nil {
		p.accounts.Store(&packets)
		return
	}
	for range tries {
		before, err := p.tracer.counts()
		if err != nil {
			return
		}
		waiting := p.tracer.waiting()
		after, err := p.tracer.counts()
		if err != nil {
			return
		}
		if before != after {
			continue
		}
		accounts := append(p.books(before, waiting), packets...)
		p.accounts.Store(&accounts)
		if ledger.Check(accounts) == nil {
			return
		}
	}
}

func (p *Plugin) books(c counts, waiting int64) []ledger.Account {
	connections := ledger.Account{
		Name: prefix + "connections", Unit: "connections",
		In: []ledger.Entry{
			{Name: "established", Count: c[tcpStateCounterCOUNT_OPENED]},
			{Name: "found", Count: c[tcpStateCounterCOUNT_FOUND]},
		},
		Out: []ledger.Entry{
			{Name: "ended", Count: p.ended},
			{Name: "dropped", Reason: "table_full", Count: c[tcpStateCounterCOUNT_UNTRACKED]},
			{Name: "dropped", Reason: "ring_full", Count: c[tcpStateCounterCOUNT_OVERWRITTEN]},
		},
		Held: []ledger.Entry{
			{Name: "table", Count: c[tcpStateCounterCOUNT_OPENED] + c[tcpStateCounterCOUNT_FOUND] -
				c[tcpStateCounterCOUNT_UNTRACKED] - c[tcpStateCounterCOUNT_REMOVED]},
			{Name: "ring", Count: waiting},
		},
	}
	missed := p.missed()
	repaired := c[tcpStateCounterCOUNT_REPAIRED]
	events := ledger.Account{
		Name: prefix + "skipped", Unit: "events",
		// Skipped by one instance of a program because it was running; the
		// other one saw it, unless the scan found a connection whose end
		// neither saw.
		In: []ledger.Entry{{Name: "recursion", Count: missed}, {Name: "unseen_end", Count: repaired}},
		Out: []ledger.Entry{
			{Name: "seen_by_twin", Count: missed},
			{Name: "repaired_by_scan", Count: repaired},
		},
	}
	return []ledger.Account{connections, events}
}

// missed counts the events that either instance of a program skipped.
func (p *Plugin) missed() (n int64) {
	stats, err := p.tracer.object.Stats()
	if err != nil {
		return 0
	}
	for _, s := range stats {
		n += int64(s.Missed)
	}
	return n
}
