package container

import "datakit.dev/agent/internal/ledger"

// Accounts implements [plugins.Accountant]: where the lines of the logs are,
// and, when fields are left out, how many points vanished with them.
func (p *plugin) Accounts() (all []ledger.Account) {
	if p.logs != nil {
		s := p.logs.Stats()
		all = append(all, ledger.Account{
			Name: "events/" + Name + "/log_lines", Unit: "lines",
			In: []ledger.Entry{{Name: "read", Count: s.Lines}},
			Out: []ledger.Entry{
				{Name: "stored", Count: s.Stored},
				{Name: "read_again", Count: s.Again},
				{Name: "dropped", Reason: "file_gone", Count: s.Lost},
			},
			Held: []ledger.Entry{{Name: "memory", Count: s.Held}},
		})
	}
	if p.selecting != nil {
		all = append(all, p.selecting.account())
	}
	return all
}
