package config

import (
	"reflect"
	"testing"
)

// open has a table it hands on as it is, and takes tables it does not know.
type open struct {
	Name   string         `toml:"name"`
	Config map[string]any `toml:"config"`
	Tables map[string]any `toml:"*"`
}

func TestTablesForSomeoneElse(t *testing.T) {
	sections, mistakes := ParseSections("f", `[[inputs.open]]
name = "x"
[inputs.open.config]
n = 1
list = ["a", 2]
[inputs.open.config.deep]
on = true
[inputs.open.plugin]
k = "v"
`, noEnv)
	if len(mistakes) > 0 || len(sections) != 1 {
		t.Fatal(sections, mistakes)
	}
	var got open
	err := sections[0].Decode(&got, environment(map[string]string{"ENV_INPUT_OPEN_NAME": "y"}))
	want := open{
		Name:   "y",
		Config: map[string]any{"n": int64(1), "list": []any{"a", int64(2)}, "deep": map[string]any{"on": true}},
		Tables: map[string]any{"plugin": map[string]any{"k": "v"}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v\n%v", got, want, err)
	}
}

func TestOnlyTablesAreKept(t *testing.T) {
	err := Section{Input: "open", File: "f", Line: 1, Text: "[inputs.open]\nnme = 'x'\n"}.Decode(&open{}, noEnv)
	if err == nil || err.Error() != `f:2: inputs.open.nme: unknown key; did you mean "name"?` {
		t.Error(err)
	}
}

func TestAnyFromTheEnvironment(t *testing.T) {
	var got open
	err := Section{Input: "open"}.Decode(&got, environment(map[string]string{"ENV_INPUT_OPEN_CONFIG": "a=1"}))
	if err != nil || !reflect.DeepEqual(got.Config, map[string]any{"a": "1"}) {
		t.Errorf("%+v, %v", got, err)
	}
}
