package external

import (
	"os"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/internal/supervisor/supervisortest"
)

// runPlugin runs a block of the configuration, as text, until cond holds.
func runPlugin(t *testing.T, block string, cond func(*supervisortest.Agent) bool) supervisor.Status {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := decode(t, "[[inputs.external]]\nname = 'greeter'\nplugin = true\nenvs = ['"+playKey+"=1']\ncmd = '"+exe+"'\n"+block)
	if err != nil {
		t.Fatal(err)
	}
	a := supervisortest.New(t)
	built, err := Factory().New(cfg, a.Env())
	if err != nil {
		t.Fatal(err)
	}
	a.Run(built)
	a.Until("the end of the test", 20*time.Second, func(supervisor.Status) bool { return cond(a) })
	a.Stop()
	a.Audit()
	return a.Supervisor.Status()
}

func TestPluginGetsItsTableAndDelivers(t *testing.T) {
	st := runPlugin(t, "[inputs.external.tags]\nteam = 'a'\n[inputs.external.config]\nword = 'hello there'\n", func(a *supervisortest.Agent) bool {
		return a.Lines()["greeting,host=h1,team=a message=\"hello there\",status=\"info\" 1\n"] == 1
	})
	if st.Version != "3.2.1" || st.Totals.Accepted != 1 {
		t.Errorf("status is %+v", st)
	}
}

func TestPluginRefusesItsTable(t *testing.T) {
	st := runPlugin(t, "[inputs.external.config]\nwrod = 'hello'\n", func(a *supervisortest.Agent) bool {
		return a.Supervisor.Status().Phase == supervisor.PhaseFailed
	})
	if !strings.Contains(st.LastError, "wrod: unknown key") || !strings.Contains(st.LastError, "word") || st.Restarts != 0 {
		t.Errorf("status is %+v", st)
	}
}
