//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/nettest"
)

// agent is a datakit with a home of its own.
type agent struct {
	*process
	home, addr string
}

// newAgent makes a home whose configuration has the backends given as TOML.
func newAgent(t *testing.T, home string, toml ...string) *agent {
	t.Helper()
	a := &agent{home: home, addr: nettest.FreeAddress(t)}
	a.write(t, "conf.d/datakit.conf", fmt.Sprintf(`
default_enabled_inputs = []
enable_pprof = false
[http_api]
listen = %q
[logging]
log = "stdout"
%s`, a.addr, strings.Join(toml, "\n")))
	return a
}

// write puts a file into the home.
func (a *agent) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(a.home, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// influx1 is the configuration of a backend with InfluxDB's first protocol.
func influx1(name, url string) string {
	return fmt.Sprintf("[[backends]]\nname = %q\nkind = \"influx1\"\nurl = %q\ndb = \"e2e\"\n", name, url)
}

func (a *agent) url() string { return "http://" + a.addr }

// start starts the agent, or starts it again, and waits until it listens.
func (a *agent) start(t *testing.T) {
	t.Helper()
	a.process = launch(t, binary("datakit"), "run", "--home", a.home)
	a.answers(a.url() + "/v1/ping")
}

// accounts asks the agent for its ledger, which has to add up.
func (a *agent) accounts(t *testing.T) []ledger.Account {
	t.Helper()
	cmd := exec.Command(binary("datakit"), "ledger", "--home", a.home, "--json")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("datakit ledger: %v\n%s%s", err, out.Bytes(), errs.Bytes())
	}
	var accounts []ledger.Account
	if err := json.Unmarshal(out.Bytes(), &accounts); err != nil {
		t.Fatalf("datakit ledger --json: %v\n%s", err, out.Bytes())
	}
	if err := ledger.Check(accounts); err != nil {
		t.Fatalf("%v\n%s", err, out.Bytes())
	}
	return accounts
}

// account returns the account of points of a backend.
func (a *agent) account(t *testing.T, backend string) ledger.Account {
	t.Helper()
	for _, acc := range a.accounts(t) {
		if acc.Name == "points/"+backend {
			return acc
		}
	}
	t.Fatalf("the ledger has no account of %s", backend)
	return ledger.Account{}
}

// count returns an entry of an account; reason may be "".
func count(entries []ledger.Entry, name, reason string) (n int64) {
	for _, e := range entries {
		if e.Name == name && (reason == "" || e.Reason == reason) {
			n += e.Count
		}
	}
	return n
}

// drained waits until nothing is queued for a backend.
func (a *agent) drained(t *testing.T, backend string) ledger.Account {
	t.Helper()
	var acc ledger.Account
	eventually(t, time.Minute, func() (bool, string) {
		acc = a.account(t, backend)
		return count(acc.Held, "queued", "") == 0, fmt.Sprintf("%+v", acc)
	})
	return acc
}
