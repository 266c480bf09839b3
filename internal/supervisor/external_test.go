package supervisor

import (
	"reflect"
	"strings"
	"testing"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/plugins/rpc"
)

func TestExternalNamesTheKeyOfAMistake(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*External)
		want   string // "" when it is right
	}{
		"right":        {func(*External) {}, ""},
		"limits":       {func(e *External) { e.CPULimit, e.MemLimit, e.NetLimit = "2.0", "4GiB", "100MiB/s" }, ""},
		"no name":      {func(e *External) { e.Name = "" }, "name: is empty"},
		"no cmd":       {func(e *External) { e.Cmd = "" }, "cmd: is empty"},
		"no value":     {func(e *External) { e.Envs = []string{"A=1", "B"} }, `envs: "B" is not of the form NAME=value`},
		"no variable":  {func(e *External) { e.Envs = []string{"=1"} }, `envs: "=1" is not of the form NAME=value`},
		"no action":    {func(e *External) { e.LimitAction = "" }, `limit_action: "" is not one of restart, stop`},
		"other action": {func(e *External) { e.LimitAction = "explode" }, `limit_action: "explode" is not one of restart, stop`},
		"limit":        {func(e *External) { e.MemLimit = "12" }, "mem_limit: "},
		"two mistakes": {func(e *External) { e.Name, e.CPULimit = "", "two" }, "name: is empty\ncpu_limit: "},
	} {
		t.Run(name, func(t *testing.T) {
			e := External{Name: "n", Cmd: "bin/c", LimitAction: ActionRestart}
			tc.change(&e)
			err := e.Validate()
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.want)):
				t.Errorf("error = %v, want one that begins with %q", err, tc.want)
			}
		})
	}
}

// A child learns who runs it, and for whom.
func TestChildOfAnExternal(t *testing.T) {
	env := inputs.Env{Home: "/opt/dk", Version: "1.2.3", Hostname: "h1", APIAddr: "127.0.0.1:9529", Tags: map[string]string{"host": "h1"}}
	c, err := External{Cmd: "c"}.Own(env, "i", map[string]any{"key": "value"})
	if err != nil {
		t.Fatal(err)
	}
	want := rpc.Config{Source: "[[inputs.i]]", Tags: env.Tags, Hostname: "h1", APIAddress: "127.0.0.1:9529", TOML: c.Plugin.Config.TOML}
	if !reflect.DeepEqual(c.Plugin.Config, want) || c.Plugin.Version != "1.2.3" || c.Plugin.RunDir != "/opt/dk/run" {
		t.Errorf("got %+v of agent %s in %s", c.Plugin.Config, c.Plugin.Version, c.Plugin.RunDir)
	}
	if text := c.Plugin.Config.TOML; !strings.Contains(text, "[inputs.i]") && !strings.Contains(text, "[[inputs.i]]") || !strings.Contains(text, `key = "value"`) {
		t.Errorf("its block is\n%s", text)
	}
}

func TestCommandOfAnExternal(t *testing.T) {
	env := inputs.Env{Home: "/opt/dk", Environ: []string{"SOME=thing", "ENV_X=y", "LANG=C"}}
	own := func(e External) (Config, error) { return e.Own(env, "i", map[string]any{}) }
	foreign := func(e External) (Config, error) { return e.Config(env) }
	for name, tc := range map[string]struct {
		make func(External) (Config, error)
		e    External
		want Command
	}{
		"foreign":          {foreign, External{Cmd: "bin/c", Args: []string{"a b"}, Envs: []string{"M=1"}}, Command{"/opt/dk/bin/c", []string{"a b"}, []string{"SOME=thing", "LANG=C", "M=1"}, "/opt/dk"}},
		"elsewhere":        {foreign, External{Cmd: "/bin/c"}, Command{"/bin/c", nil, []string{"SOME=thing", "LANG=C"}, "/opt/dk"}},
		"own":              {own, External{Cmd: "c", Envs: []string{"LANG=D"}}, Command{"/opt/dk/c", []string{"run"}, []string{defaultPath, "LANG=C", "LANG=D"}, "/opt/dk"}},
		"own with a flag":  {own, External{Cmd: "c", Args: []string{"--x", "y"}}, Command{"/opt/dk/c", []string{"run", "--x", "y"}, []string{defaultPath, "LANG=C"}, "/opt/dk"}},
		"own that is told": {own, External{Cmd: "c", Args: []string{"run", "--x"}}, Command{"/opt/dk/c", []string{"run", "--x"}, []string{defaultPath, "LANG=C"}, "/opt/dk"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := tc.make(tc.e)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(c.Command, tc.want) {
				t.Errorf("got  %q\nwant %q", c.Command, tc.want)
			}
		})
	}
	if _, err := foreign(External{Cmd: "c", NetLimit: "fast"}); err == nil || !strings.HasPrefix(err.Error(), "net_limit: ") {
		t.Errorf("a wrong limit: %v", err)
	}
}
