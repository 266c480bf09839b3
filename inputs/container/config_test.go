package container

import (
	"strings"
	"testing"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/supervisor/supervisortest"
	"datakit.dev/agent/plugins"
)

func noEnv(string) (string, bool) { return "", false }

func decode(text string) (*Config, error) {
	cfg := defaults()
	return cfg, config.Section{Input: Name, File: "container.conf", Line: 1, Text: "[[inputs.container]]\n" + text}.Decode(cfg, noEnv)
}

func TestDefaultsAreValid(t *testing.T) {
	if err := defaults().Validate(); err != nil {
		t.Error(err)
	}
}

func TestMistakesNamePlaceAndWhatIsAllowed(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"unknown key": {"endpoint = 'x'", "container.conf:2: inputs.container.endpoint: unknown key"},
		"no endpoint": {"endpoints = []", "endpoints: is empty"},
		"short":       {"interval = '9s'", "interval: 9s is not within 10s and 5m0s"},
		"long":        {"interval = '6m'", "interval: 6m0s is not within 10s and 5m0s"},
		"objects":     {"object_interval = '1h'", "object_interval: 1h0m0s is not within 10s and 30m0s"},
		"search":      {"logging_search_interval = '1h'", "logging_search_interval: 1h0m0s is not within 1s and 5m0s"},
		"open files":  {"logging_max_open_files = 0", "logging_max_open_files: 0 is not a positive number"},
		"entry":       {"logging_max_entry = 10", "logging_max_entry: 10 is not within 1024 and 1048576"},
		"state":       {"state_dir = ''", "state_dir: is empty"},
		"envs":        {"envs = ['A']", `envs: "A" is not of the form NAME=value`},
		"limit":       {"mem_limit = '12'", "mem_limit"},
		"action":      {"limit_action = 'x'", `limit_action: "x" is not one of restart, stop`},
		"cmd":         {"cmd = ''", "cmd: is empty"},
		"name":        {"name = ''", "name: is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := decode(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error is %v, want %q", err, tc.want)
			}
		})
	}
}

// What the program decodes is exactly what the agent resolved.
func TestBlockSurvivesTheWay(t *testing.T) {
	cfg, err := decode(`
endpoints = ["unix:///run/a.sock"]
interval = "1m30s"
[inputs.container.tags]
"odd key" = "va\"lue"
`)
	if err != nil {
		t.Fatal(err)
	}
	supervisortest.Survives(t, Name, (*plugins.Container)(cfg), plugins.DefaultContainer())
}

// A look beside a running agent must not move its positions in logs.
func TestTrialLeavesLogsAlone(t *testing.T) {
	c := defaults()
	if c.ForTrial(); c.EnableContainerLog || !c.EnableContainerMetric {
		t.Errorf("%+v", c)
	}
}
