package config

import (
	"reflect"
	"testing"
)

func TestParseEnabled(t *testing.T) {
	for text, want := range map[string]Enabled{
		"cpu,ebpf":        {Names: []string{"cpu", "ebpf"}},
		"cpu ebpf":        {Names: []string{"cpu", "ebpf"}},
		" cpu , ebpf,cpu": {Names: []string{"cpu", "ebpf"}},
		"-":               {},
		"":                {},
		"-ebpf":           {Banned: []string{"ebpf"}},
		"cpu,-ebpf,-mem":  {Banned: []string{"ebpf", "mem"}},
	} {
		if got := ParseEnabled([]string{text}); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
	if got := ParseEnabled([]string{"cpu", "ebpf"}); !reflect.DeepEqual(got.Names, []string{"cpu", "ebpf"}) {
		t.Errorf("%+v", got)
	}
}

func TestEnabledApply(t *testing.T) {
	file := Section{Input: "ebpf", File: "x.conf", Line: 3}
	kept, banned := Enabled{Names: []string{"ebpf", "cpu"}}.Apply([]Section{file}, "ENV_ENABLE_INPUTS")
	if want := []Section{file, {Input: "cpu", File: "ENV_ENABLE_INPUTS"}}; !reflect.DeepEqual(kept, want) || banned != nil {
		t.Errorf("an input with a section is not added again: %+v, %+v", kept, banned)
	}
	kept, banned = Enabled{Banned: []string{"ebpf"}}.Apply([]Section{file}, "")
	if kept != nil || !reflect.DeepEqual(banned, []Section{file}) {
		t.Errorf("a ban beats a file: %+v, %+v", kept, banned)
	}
}

func TestKnown(t *testing.T) {
	kept, warnings, mistakes := Known([]Section{
		{Input: "ebpf", File: "f", Line: 1}, {Input: "ebfp", File: "f", Line: 2}, {Input: "statsd", File: "f", Line: 3},
	}, []string{"ebpf"})
	if len(kept) != 1 || kept[0].Line != 1 {
		t.Errorf("%+v", kept)
	}
	if len(mistakes) != 1 || mistakes[0].Error() != `f:2: inputs.ebfp: unknown input; did you mean "ebpf"?` {
		t.Errorf("%v", mistakes)
	}
	if len(warnings) != 1 || warnings[0].Error() != "f:3: inputs.statsd: this input is not supported and does not run" {
		t.Errorf("%v", warnings)
	}
}

func TestSingle(t *testing.T) {
	kept, mistakes := Single([]Section{
		{Input: "ebpf", File: "a.conf", Line: 1}, {Input: "external", File: "a.conf", Line: 5},
		{Input: "external", File: "b.conf", Line: 1}, {Input: "ebpf", File: "b.conf", Line: 9},
	}, func(name string) bool { return name == "ebpf" })
	if len(kept) != 3 {
		t.Errorf("%+v", kept)
	}
	if len(mistakes) != 1 || mistakes[0].Error() != "b.conf:9: inputs.ebpf: may appear only once; it is already configured at a.conf:1" {
		t.Errorf("%v", mistakes)
	}
}
