package netlog

import (
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/netlog/packet"
	"datakit.dev/agent/netlog/track"
)

// prefix is that of all accounts.
const prefix = "events/" + Name + "/"

// accounts tells where packets, connections, log points and what is summed
// up to flows are.
func (s *totals) accounts(o *outlet, m *metrics) []ledger.Account {
	in := func(name string, n int64) []ledger.Entry { return []ledger.Entry{{Name: name, Count: n}} }
	packets := ledger.Account{
		Name: prefix + "packets", Unit: "packets",
		In: in("received", s.source.Received+s.kernel),
		Out: []ledger.Entry{
			{Name: "tracked", Count: s.track.Tracked},
			{Name: "filtered", Reason: "blacklist", Count: s.tap.Filtered + s.kernel},
			{Name: "filtered", Reason: "ipv6_disabled", Count: s.tap.IPv6},
			{Name: "filtered", Reason: "later_fragment", Count: s.track.LaterFragments},
			{Name: "filtered", Reason: "protocol", Count: s.track.Untracked},
			{Name: "dropped", Reason: "ring_full", Count: s.source.Dropped},
			{Name: "dropped", Reason: "ring_closed", Count: s.waiting},
		},
		Held: []ledger.Entry{{Name: "ring", Count: s.source.Waiting() - s.waiting}},
	}
	for e := packet.Error(1); e < packet.Reasons; e++ {
		packets.Out = append(packets.Out, ledger.Entry{Name: "dropped", Reason: e.String(), Count: s.source.Refused[e]})
	}
	conns := ledger.Account{
		Name: prefix + "connections", Unit: "connections",
		In:   in("opened", s.track.Opened),
		Held: []ledger.Entry{{Name: "table", Count: s.track.Open}},
	}
	for why, n := range s.track.Ended {
		e := ledger.Entry{Name: "ended", Reason: track.Reason(why).String(), Count: n}
		if track.Reason(why) == track.Evicted {
			e.Name, e.Reason = "dropped", "table_full"
		}
		conns.Out = append(conns.Out, e)
	}
	taken, fed, dropped, failed := o.taken.Load(), o.fed.Load(), o.dropped.Load(), o.failed.Load()
	logs := ledger.Account{
		Name: prefix + "logs", Unit: "points",
		In: in("made", taken+s.log.L4Limited+s.log.L7Limited),
		Out: []ledger.Entry{
			{Name: "fed", Count: fed},
			{Name: "dropped", Reason: "log_rate", Count: s.log.L4Limited + s.log.L7Limited},
			{Name: "dropped", Reason: "outlet_full", Count: dropped},
			{Name: "dropped", Reason: "feed_failed", Count: failed},
		},
		Held: []ledger.Entry{{Name: "outlet", Count: taken - fed - dropped - failed}},
	}
	all := []ledger.Account{packets, conns, logs}
	if m != nil {
		all = append(all, m.account(prefix+"flows"))
	}
	return all
}
