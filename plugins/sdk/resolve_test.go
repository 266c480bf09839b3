package sdk

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"datakit.dev/agent/plugins"
)

func withTable() Program {
	deep := factory("deep", &actor{})
	deep.Table = func() any { return &table{Depth: 3} }
	return program(deep, factory("flat", &actor{}))
}

func TestResolve(t *testing.T) {
	for name, tc := range map[string]struct {
		doc   string
		flags []given
		want  block
		depth int
		run   []string
		warn  string
	}{
		"defaults":       {"", nil, block{Colour: "red", Interval: time.Minute}, 3, []string{"deep", "flat"}, ""},
		"block":          {"[[inputs.x]]\ncolour = 'blue'\n[inputs.x.tags]\na = 'b'", nil, block{Colour: "blue", Interval: time.Minute, Tags: map[string]string{"a": "b"}}, 3, []string{"deep", "flat"}, ""},
		"single bracket": {"[inputs.x]\ncolour = 'blue'", nil, block{Colour: "blue", Interval: time.Minute}, 3, []string{"deep", "flat"}, ""},
		"keys alone":     {"colour = 'blue'", nil, block{Colour: "blue", Interval: time.Minute}, 3, []string{"deep", "flat"}, ""},
		"table":          {"[[inputs.x]]\n[inputs.x.deep]\ndepth = 7", nil, block{Colour: "red", Interval: time.Minute}, 7, []string{"deep", "flat"}, ""},
		"flag beats":     {"[[inputs.x]]\ncolour = 'blue'\ninterval = '2s'", []given{{"paint-colour", "green"}}, block{Colour: "green", Interval: 2 * time.Second}, 3, []string{"deep", "flat"}, ""},
		"last flag wins": {"", []given{{"interval", "1s"}, {"interval", "2s"}}, block{Colour: "red", Interval: 2 * time.Second}, 3, []string{"deep", "flat"}, ""},
		"one plugin":     {"enabled_plugins = ['flat']", nil, block{Colour: "red", Interval: time.Minute, Plugins: []string{"flat"}}, 3, []string{"flat"}, ""},
		"twice the same": {"enabled_plugins = ['flat','flat']", nil, block{Colour: "red", Interval: time.Minute, Plugins: []string{"flat", "flat"}}, 3, []string{"flat"}, ""},
		"foreign plugin": {"enabled_plugins = ['later','flat']", nil, block{Colour: "red", Interval: time.Minute, Plugins: []string{"later", "flat"}}, 3, []string{"flat"}, `plugin "later" is not part of prog 1.2.3, which has deep, flat`},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := withTable().resolve("[[inputs.x]]", tc.doc, tc.flags)
			if err != nil {
				t.Fatal(err)
			}
			if got := *r.config.(*block); !reflect.DeepEqual(got, tc.want) {
				t.Errorf("block is %+v, want %+v", got, tc.want)
			}
			if got := r.tables["deep"].(*table).Depth; got != tc.depth {
				t.Errorf("depth is %d, want %d", got, tc.depth)
			}
			if got := nameAll(r.factories); !reflect.DeepEqual(got, tc.run) {
				t.Errorf("plugins to run are %v, want %v", got, tc.run)
			}
			if got := strings.Join(r.warnings, "; "); got != tc.warn {
				t.Errorf("warnings are %q, want %q", got, tc.warn)
			}
		})
	}
}

func TestResolveNamesTheMistake(t *testing.T) {
	for name, tc := range map[string]struct {
		doc   string
		flags []given
		want  []string
	}{
		"unknown key":      {"[[inputs.x]]\ncolor = 'blue'", nil, []string{"[[inputs.x]]", "inputs.x.color", "unknown key", "colour"}},
		"bad type":         {"[[inputs.x]]\ncolour = 3", nil, []string{"[[inputs.x]]", "inputs.x.colour", "not text"}},
		"bad value":        {"[[inputs.x]]\ncolour = 'ultraviolet'", nil, []string{"inputs.x.colour", "allowed are"}},
		"unknown in table": {"[[inputs.x]]\n[inputs.x.deep]\ndeepth = 1", nil, []string{"inputs.x.deep.deepth", "unknown key"}},
		"no such table":    {"[[inputs.x]]\n[inputs.x.flat]\n", nil, []string{"inputs.x.flat: this plugin has no table"}},
		"table is a word":  {"[[inputs.x]]\ndeep = 1", nil, []string{"inputs.x.deep", "is not a table"}},
		"two at once":      {"[[inputs.x]]\na = 1\nb = 2", nil, []string{"inputs.x.a", "inputs.x.b"}},
		"two blocks":       {"[[inputs.x]]\n[[inputs.x]]", nil, []string{"one block"}},
		"two inputs":       {"[[inputs.x]]\n[[inputs.y]]", nil, []string{"one block"}},
		"syntax":           {"[[inputs.x]]\ncolour = ", nil, []string{"[[inputs.x]]:2"}},
		"no plugin left":   {"enabled_plugins = ['nothing']", nil, []string{"enabled_plugins", "deep, flat"}},
		"limit":            {"cpu_limit = 'two'", nil, []string{"cpu_limit", `"two"`}},
		"bad flag":         {"", []given{{"interval", "soon"}}, []string{"flag --interval"}},
		"flag makes bad":   {"", []given{{"paint-colour", "ultraviolet"}}, []string{"colour", "allowed are"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := withTable().resolve("[[inputs.x]]", tc.doc, tc.flags)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error is %q, want %q in it", err, want)
				}
			}
		})
	}
}

func nameAll(list []plugins.Factory) (all []string) {
	for _, f := range list {
		all = append(all, f.Name)
	}
	return all
}

// FuzzResolve: whatever a host sends as configuration, the child answers.
func FuzzResolve(f *testing.F) {
	for _, doc := range []string{
		"", "colour = 'blue'", "[[inputs.x]]\ncolour = 'blue'\n[inputs.x.deep]\ndepth = 1\n[inputs.x.tags]\na='b'",
		"[inputs]\nx = 1", "inputs = [1]", "[[inputs.x]]\ninterval = 5", "[[inputs.\"a b\"]]\n[inputs.\"a b\".deep]\ndepth = -1",
		"[[inputs.x]]\ndeep = [{}]", "enabled_plugins = [[\"x\"]]",
	} {
		f.Add(doc)
	}
	p := withTable()
	f.Fuzz(func(t *testing.T, doc string) {
		r, err := p.resolve("[[inputs.x]]", doc, nil)
		if err == nil && len(r.factories) == 0 {
			t.Error("a configuration without a plugin was taken")
		}
		if err != nil && err.Error() == "" {
			t.Error("an error without a text")
		}
	})
}
