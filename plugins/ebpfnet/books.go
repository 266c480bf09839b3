package ebpfnet

import (
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/plugins/ebpfnet/payload"
)

// books tells what became of what the packet programs handed over.
func (a *applications) books() []ledger.Account {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.exchanges == nil {
		return nil
	}
	accounts := []ledger.Account{a.connections(), a.requests(), a.transactions()}
	var c payload.Counts
	if a.tap != nil {
		accounts, c = append(accounts, a.ring()), a.counted
	}
	return append(accounts, a.undecoded(c))
}

const prefix = "events/" + Name + "/"

func entry(name string, n int64) ledger.Entry { return ledger.Entry{Name: name, Count: n} }

func dropped(reason string, n int64) ledger.Entry {
	return ledger.Entry{Name: "dropped", Reason: reason, Count: n}
}

// ring is the account of the ring. The programs go on meanwhile, so it is
// taken again until it holds still; else the last one stands.
func (a *applications) ring() ledger.Account {
	for range tries {
		before, err := a.tap.Counts()
		if err != nil {
			break
		}
		waiting := a.tap.Waiting()
		after, err := a.tap.Counts()
		if err != nil {
			break
		}
		account := ledger.Account{
			Name: prefix + "packets", Unit: "bytes",
			In:   []ledger.Entry{entry("captured", before.Bytes+before.LostBytes)},
			Out:  []ledger.Entry{entry("read", a.read), dropped("ring_full", before.LostBytes)},
			Held: []ledger.Entry{entry("ring", waiting)},
		}
		if before == after && account.Balance() == 0 {
			a.counted, a.ringAccount = before, account
			break
		}
	}
	return a.ringAccount
}

func (a *applications) connections() ledger.Account {
	s := a.exchanges.Stats()
	return ledger.Account{
		Name: prefix + "http_connections", Unit: "connections",
		In:   []ledger.Entry{entry("opened", s.Opened)},
		Out:  []ledger.Entry{entry("closed", s.Closed), entry("silent", s.Expired)},
		Held: []ledger.Entry{entry("table", s.Open)},
	}
}

func (a *applications) requests() ledger.Account {
	s, d, f := a.exchanges.Stats(), a.exchanges.Decoded(), a.http.Stats()
	return ledger.Account{
		Name: prefix + "http", Unit: "exchanges",
		In: []ledger.Entry{entry("begun", d.Exchanges+d.Open)},
		Out: []ledger.Entry{
			entry("aggregated", f.Aggregated), entry("overflow", f.Overflowed), entry("unanswered_at_end", s.Waiting),
			dropped("no_port", f.SkippedNoPort), dropped("no_address", f.SkippedNoAddress),
			entry("loopback", f.SkippedLoopback),
		},
		Held: []ledger.Entry{entry("open", d.Open)}, // they wait, or their response goes on
	}
}

func (a *applications) transactions() ledger.Account {
	m := a.queries.Matched()
	return ledger.Account{
		Name: prefix + "dns", Unit: "queries",
		In:   []ledger.Entry{entry("seen", m.Queries)},
		Out:  []ledger.Entry{entry("answered", m.Answered), entry("timed_out", m.TimedOut), dropped("table_full", m.Evicted)},
		Held: []ledger.Entry{entry("waiting", m.InFlight)},
	}
}

// undecoded is what was seen and led to nothing, by reason.
func (a *applications) undecoded(c payload.Counts) ledger.Account {
	h, q, s, m := a.exchanges.Decoded(), a.queries.Stats(), a.exchanges.Stats(), a.queries.Matched()
	account := ledger.Account{Name: prefix + "undecoded", Unit: "events"}
	for _, r := range []struct {
		reason string
		n      int64
	}{
		{"lost_packets", c.Lost}, {"no_storage", c.NoStorage}, {"unreadable_packets", c.Unreadable}, {"udp_table_full", c.NoRoom},
		{"too_many_connections", s.Refused}, {"orphans", a.orphans.Dropped},
		{"http_gaps", h.Gaps}, {"http_responses_without_request", h.Orphans}, {"http_pipeline_too_long", h.Overflowed},
		{"http_heads_cut", h.HeadsCut}, {"http_heads_lost", h.HeadsLost}, {"http_heads_too_long", h.HeadsLong},
		{"http_unparsed", h.Unparsed}, {"http_chunks_lost", h.ChunksLost},
		{"http2_frames_lost", h.FramesLost}, {"http2_blocks_lost", h.BlocksLost},
		{"http2_fields_unknown", h.FieldsUnknown}, {"http2_paths_unknown", h.PathsUnknown},
		{"dns_malformed", q.Malformed}, {"dns_cut", q.Cut}, {"dns_too_many_connections", q.Refused},
		{"dns_gaps", q.Gaps}, {"dns_unframed", q.Unframed},
		{"dns_log_full", a.dns.Stats().LogDropped}, {"dns_answers_without_query", m.Unmatched}, {"dns_answers_mismatch", m.Mismatch},
	} {
		account.In = append(account.In, entry(r.reason, r.n))
		account.Out = append(account.Out, dropped(r.reason, r.n))
	}
	return account
}
