package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/ledger"
)

func newLedgerCommand(p *program) *cobra.Command {
	var asJSON, all bool
	c := &cobra.Command{
		Use:   "ledger",
		Short: "Account for every point and event since the agent started",
		Long: `Show what came in, what went out, what was dropped and why, and what is held,
per backend (points) and per collector (events). What no account explains is
lost. Lines of zero are left out.

Exit codes: 0 all accounts add up, 1 one does not, or the agent is not running,
2 wrong usage.`,
		Args: usage(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return p.withAgent(func(client *httpapi.Client) error {
				accounts, err := client.Ledger(c.Context())
				if err != nil {
					return err
				}
				if asJSON {
					err = writeLedgerJSON(p.out, accounts)
				} else {
					err = writeLedger(p.out, accounts, all)
				}
				if err != nil {
					return err
				}
				return ledger.Check(accounts)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON: the accounts with their balance")
	c.Flags().BoolVar(&all, "all", false, "print lines of zero too")
	return c
}

// writeLedgerJSON writes the accounts with their balances.
func writeLedgerJSON(w io.Writer, accounts []ledger.Account) error {
	type balanced struct {
		ledger.Account
		Balance int64 `json:"balance"` // 0 when the account adds up
	}
	out := []balanced{}
	for _, a := range accounts {
		out = append(out, balanced{a, a.Balance()})
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

// writeLedger writes the accounts as tables, all of their lines or those that
// say something.
func writeLedger(w io.Writer, accounts []ledger.Account, all bool) error {
	if len(accounts) == 0 {
		_, err := fmt.Fprintln(w, "No accounts yet.")
		return err
	}
	for i, a := range accounts {
		if i > 0 {
			fmt.Fprintln(w) // an error of w comes again
		}
		if err := writeAccount(w, a, all); err != nil {
			return err
		}
	}
	return nil
}

func writeAccount(w io.Writer, a ledger.Account, all bool) error {
	verdict := "adds up"
	if b := a.Balance(); b != 0 {
		verdict = fmt.Sprintf("DOES NOT ADD UP: %+d unexplained", b)
	}
	fmt.Fprintf(w, "%s (%s): %s\n", a.Name, a.Unit, verdict)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, side := range []struct {
		name    string
		entries []ledger.Entry
	}{{"in", a.In}, {"out", a.Out}, {"held", a.Held}} {
		name := side.name
		for _, e := range side.entries {
			if e.Count == 0 && !all {
				continue
			}
			text := e.Name
			if e.Reason != "" {
				text += " (" + e.Reason + ")"
			}
			fmt.Fprintf(t, "%s\t%d\t  %s\n", name, e.Count, text)
			name = ""
		}
	}
	return t.Flush()
}
