package main

import (
	"encoding/json"
	"strings"
	"testing"

	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/ledger"
)

func exampleAccounts(lost int64) []ledger.Account {
	return []ledger.Account{
		{
			Name: "points/influx2-127.0.0.1-8086", Unit: "points",
			In: []ledger.Entry{{Name: "captured", Reason: "inputs", Count: 1200}, {Name: "captured", Reason: "api", Count: 40}, {Name: "carried", Count: 7}},
			Out: []ledger.Entry{
				{Name: "uploaded", Count: 1000}, {Name: "dropped", Reason: "queue_full", Count: 3}, {Name: "unreported", Count: 4},
			},
			Held: []ledger.Entry{{Name: "pending", Reason: "inputs", Count: 40}, {Name: "queued", Count: 200 - lost}},
		},
		{
			Name: "events/ebpf-net/tcp_close", Unit: "connections",
			In: []ledger.Entry{{Name: "seen", Count: 12}},
			Out: []ledger.Entry{
				{Name: "dropped", Reason: "no_port"}, {Name: "aggregated", Count: 12}, {Name: "dropped", Reason: "ring_full"},
			},
		},
	}
}

func TestLedger(t *testing.T) {
	for name, test := range map[string]struct {
		lost int64
		code int
		err  string
	}{
		"balanced": {0, 0, ""},
		"lost":     {2, 1, "datakit: account points/influx2-127.0.0.1-8086 does not add up: +2 points unexplained\n"},
	} {
		t.Run(name, func(t *testing.T) {
			a := startFakeAgent(t, httpapi.State{Accounts: exampleAccounts(test.lost)})
			code, out, errOut := cli(t, a.home, "ledger")
			if code != test.code || errOut != test.err {
				t.Errorf("exit %d, %q; want %d, %q", code, errOut, test.code, test.err)
			}
			golden(t, "ledger-"+name+".txt", out)

			code, out, _ = cli(t, a.home, "ledger", "--json")
			var accounts []struct {
				Name    string
				Balance int64
				In      []ledger.Entry
			}
			if err := json.Unmarshal([]byte(out), &accounts); err != nil {
				t.Fatal(err)
			}
			if code != test.code || len(accounts) != 2 || accounts[0].Balance != test.lost || accounts[0].In[0].Count != 1200 {
				t.Errorf("exit %d, %+v", code, accounts)
			}
		})
	}
}

func TestLedgerZeros(t *testing.T) {
	a := startFakeAgent(t, httpapi.State{Accounts: exampleAccounts(0)})
	for all, want := range map[string]int{"--all=false": 0, "--all": 2} {
		code, out, _ := cli(t, a.home, "ledger", all)
		if got := strings.Count(out, "   0  dropped ("); code != 0 || got != want {
			t.Errorf("ledger %s: exit %d, %d lines of zero, want %d\n%s", all, code, got, want, out)
		}
	}
}

func TestLedgerWithoutAgent(t *testing.T) {
	code, _, errOut := cli(t, t.TempDir(), "ledger")
	if code != exitFailure || !strings.Contains(errOut, "agent is not running") {
		t.Errorf("exit %d, %q", code, errOut)
	}
}

func TestLedgerOfNothing(t *testing.T) {
	a := startFakeAgent(t, httpapi.State{})
	if code, out, _ := cli(t, a.home, "ledger"); code != 0 || out != "No accounts yet.\n" {
		t.Errorf("exit %d, %q", code, out)
	}
	if code, out, _ := cli(t, a.home, "ledger", "--json"); code != 0 || out != "[]\n" {
		t.Errorf("exit %d, %q", code, out)
	}
}
