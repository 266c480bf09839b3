package config

import (
	"strings"
	"testing"
)

// shared is embedded in the structs of several inputs.
type shared struct {
	Only []string `toml:"only" help:"Only these." example:"[\"a\"]"`
}

type embedding struct {
	Name string `toml:"name"`
	shared
	Tags map[string]string `toml:"tags"`
}

// The keys of an embedded struct are those of the struct around it, in the
// file, in the environment, in the sample and in the reference.
func TestEmbeddedStruct(t *testing.T) {
	sections, mistakes := ParseSections("f", "[[inputs.e]]\nname = \"x\"\nonly = [\"a\", \"b\"]\n", noEnv)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	var got embedding
	if err := sections[0].Decode(&got, noEnv); err != nil || strings.Join(got.Only, " ") != "a b" {
		t.Errorf("%+v, %v", got, err)
	}
	if err := sections[0].Decode(&got, environment(map[string]string{"ENV_INPUT_E_ONLY": "c, d"})); err != nil || strings.Join(got.Only, " ") != "c d" {
		t.Errorf("%+v, %v", got, err)
	}
	var paths []string
	for _, k := range Describe(&embedding{}, "ENV_INPUT_E_") {
		paths = append(paths, k.Path+" "+k.Env)
	}
	if want := "name ENV_INPUT_E_NAME, only ENV_INPUT_E_ONLY, tags ENV_INPUT_E_TAGS"; strings.Join(paths, ", ") != want {
		t.Errorf("got %v", paths)
	}
	if text := Sample("e", "", &embedding{}); !strings.Contains(text, "  ## Only these.\n  # only = [\"a\"]\n") {
		t.Error(text)
	}
}
