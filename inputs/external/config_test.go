package external

import (
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/internal/config"
)

// decode reads one block as the agent does.
func decode(t *testing.T, text string) (*Config, error) {
	t.Helper()
	cfg := defaults()
	unset := func(string) (string, bool) { return "", false }
	sections, mistakes := config.ParseSections("external.conf", text, unset)
	if len(mistakes) > 0 || len(sections) != 1 {
		t.Fatalf("%d sections, %v", len(sections), mistakes)
	}
	return cfg, sections[0].Decode(cfg, unset)
}

func TestConfig(t *testing.T) {
	cfg, err := decode(t, `[[inputs.external]]
name = "probe"
cmd = "bin/probe"
interval = "1m"
plugin = true
[inputs.external.tags]
zone = "b"
[inputs.external.config]
targets = ["a", "b"]
[inputs.external.config.deep]
n = 3
`)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.GatherInterval() != time.Minute || cfg.Tags["zone"] != "b" {
		t.Errorf("got %+v", cfg)
	}
	if deep, ok := cfg.Config["deep"].(map[string]any); !ok || deep["n"] != int64(3) {
		t.Errorf("the table config is %v", cfg.Config)
	}
}

func TestConfigErrors(t *testing.T) {
	const head = "[[inputs.external]]\nname = 'x'\ncmd = 'y'\n"
	tests := map[string]struct{ text, want string }{
		"no name":      {"[[inputs.external]]\ncmd = 'y'\n", "name: is empty"},
		"no cmd":       {"[[inputs.external]]\nname = 'y'\n", "cmd: is empty"},
		"unknown key":  {head + "comand = 'z'", "comand"},
		"bad env":      {head + "envs = ['A']", `"A" is not of the form NAME=value`},
		"bad tag":      {head + "tags = {a = 'b;c'}", "cannot be handed over"},
		"short":        {head + "interval = '10ms'", "10ms is shorter than 1s"},
		"stray config": {head + "config = {a = 1}", "only with plugin = true"},
		"limit":        {head + "mem_limit = '12'", "mem_limit"},
		"limit action": {head + "limit_action = 'explode'", `limit_action: "explode" is not one of restart, stop`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := decode(t, test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v, want one with %q", err, test.want)
			}
		})
	}
}
