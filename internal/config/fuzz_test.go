package config

import (
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// FuzzSections feeds arbitrary bytes as an input's file. Nothing panics, and
// what a section holds is what the whole file holds, by the TOML parser.
func FuzzSections(f *testing.F) {
	f.Add("[[inputs.probe]]\n  list = ['a', # ]\n 'b']\n[inputs.probe.tags]\n k = \"\"\"x\\\"\"\"\"\n")
	f.Add("[inputs.probe]\n[inputs.other]\n[inputs.probe.deep]\npath='$HOME'")
	f.Add("\ufeff[[inputs.probe]]\r\n[[inputs.probe.many]]\nlevel = 1\n")
	f.Add("inputs.probe.name = 'x'\n[inputs]\n")
	f.Add(probeSample)
	f.Fuzz(func(t *testing.T, raw string) {
		sections, mistakes := ParseSections("f", raw, noEnv)
		count := map[string]int{}
		for _, s := range sections {
			count[s.Input]++
			if s.Line < 1 || s.Line > strings.Count(raw, "\n")+1 {
				t.Errorf("line %d is outside of the file", s.Line)
			}
			if err := s.Decode(newProbe(), noEnv); err != nil && err.Error() == "" {
				t.Error("a mistake without text")
			}
		}
		var whole struct{ Inputs map[string]any }
		if _, err := toml.Decode(strings.TrimPrefix(raw, "\ufeff"), &whole); err != nil || len(mistakes) > 0 {
			return
		}
		for name, value := range whole.Inputs {
			want := 1
			if list, ok := value.([]map[string]any); ok {
				want = len(list)
			}
			if count[name] != want {
				t.Errorf("%d sections of %q, the parser sees %d", count[name], name, want)
			}
		}
	})
}

// FuzzMain feeds arbitrary bytes as datakit.conf and as a variable.
func FuzzMain(f *testing.F) {
	f.Add(MainSample(), "a=b")
	f.Add("[[backends]]\nkind = 'file'\nurl = '/x'\ntls.ca = 'y'\n", "x")
	f.Add("[dataway]\nurls = ['%zz', 'http://[::1']\n[queue]\nmax_size = '1e9GB'", "https://?token")
	f.Fuzz(func(t *testing.T, raw, value string) {
		m, _, err := ParseMain("f", raw, func(name string) (string, bool) { return value, name == "ENV_DATAWAY" || name == "ENV_GLOBAL_TAGS" })
		if (m == nil) != (err != nil) {
			t.Errorf("%v, %v", m, err)
		}
		if m != nil {
			m.AllBackends()
			m.HostTags("h", "", noEnv)
		}
	})
}
