package supervisortest

import (
	"reflect"
	"testing"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/supervisor"
)

// Survives checks that a program of the agent that is handed the block of an
// input decodes exactly that. got holds the program's defaults and has the
// type of block.
func Survives(t testing.TB, input string, block, got any) {
	t.Helper()
	c, err := supervisor.External{}.Own(inputs.Env{}, input, block)
	if err != nil {
		t.Fatal(err)
	}
	text := c.Plugin.Config.TOML
	noEnv := func(string) (string, bool) { return "", false }
	if err := (config.Section{Input: input, File: "x", Text: text}).Decode(got, noEnv); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(got, block) {
		t.Errorf("got  %+v\nwant %+v", got, block)
	}
}
