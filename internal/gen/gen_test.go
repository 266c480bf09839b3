package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"datakit.dev/agent/inputs"
	allinputs "datakit.dev/agent/inputs/all"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

const root = "../.."

// What lies in the repository is what the code says.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	want := files()
	for path, content := range want {
		got, err := os.ReadFile(filepath.Join(root, path))
		if err != nil || string(got) != content {
			t.Errorf("%s is not current (%v); run make gen", path, err)
		}
	}
	err := filepath.WalkDir(filepath.Join(root, "conf.d"), func(path string, _ os.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, path)
		if strings.HasSuffix(path, ".sample") && want[rel] == "" {
			t.Errorf("%s belongs to no input", rel)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Each sample decodes to exactly the defaults, apart from empty tables and
// what has no default.
func TestSamplesAreTheDefaults(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	for _, f := range allinputs.Factories() {
		text := files()[filepath.Join("conf.d", f.Catalog, f.Name+".conf.sample")]
		sections, mistakes := config.ParseSections("sample", text, none)
		if len(sections) != 1 || len(mistakes) != 0 {
			t.Errorf("%s: %d sections, %v", f.Name, len(sections), mistakes)
			continue
		}
		got, want := f.Config(), f.Config()
		if err := sections[0].Decode(got, none); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		clearUnset(want)
		if clearUnset(got); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: the sample decodes to\n%+v\nnot to the defaults\n%+v", f.Name, got, want)
		}
	}
}

// clearUnset makes the empty maps and lists of a struct nil, and what has no
// default, so that the sample holds an example, zero.
func clearUnset(cfg any) {
	v := reflect.ValueOf(cfg).Elem()
	for i := range v.NumField() {
		required := v.Type().Field(i).Tag.Get("required") == "true"
		if f := v.Field(i); required || (f.Kind() == reflect.Map || f.Kind() == reflect.Slice) && f.Len() == 0 {
			f.SetZero()
		}
	}
}

func TestReference(t *testing.T) {
	got := reference([]inputs.Factory{{
		Name: "x", Help: "Collects x.",
		Config: func() any {
			return &struct {
				Period string `toml:"period" help:"a|b\nc"`
			}{"1s"}
		},
		Spec: []point.Measurement{{
			Name: "m", Help: "Things.", Category: point.Metric,
			Tags:   []point.TagSpec{{Key: "t", Help: "a tag", Optional: true}},
			Fields: []point.FieldSpec{{Key: "f", Unit: "B", Kind: point.KindUint, Help: "a field"}},
		}},
	}}, []plugins.Factory{{
		Name: "p", Help: "Looks.",
		Table: func() any {
			return &struct {
				Depth int `toml:"depth" help:"how deep"`
			}{3}
		},
	}})
	for _, want := range []string{
		"| `http_api.listen` | text | `\"localhost:9529\"` | `ENV_HTTP_LISTEN` |",
		"## [[inputs.x]]\n\nCollects x.\n", "| `period` | text | `\"1s\"` | `ENV_INPUT_X_PERIOD` | a\\|b c |",
		"Looks.\n\nKeys of its table, such as `[inputs.ebpf.p]`:\n", "| `depth` | number | `3` | how deep |",
		"### m\n\nThings. Category metric.\n", "| `t` | (optional) a tag |", "| `f` | uint | B | a field |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir, map[string]string{"a/b": "c"}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a", "b")); err != nil || string(got) != "c" {
		t.Errorf("%q, %v", got, err)
	}
	if err := write(dir, map[string]string{"a": ""}); err == nil {
		t.Error("wrote over a folder")
	}
}
