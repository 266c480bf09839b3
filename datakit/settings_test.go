package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/point"
)

// fakeConfig is the configuration of the inputs these tests run.
type fakeConfig struct {
	Value  string        `toml:"value" help:"What it collects."`
	Period time.Duration `toml:"interval"`
	Needs  []string      `toml:"needs"`
}

func (c *fakeConfig) Files(string) map[string][]string { return map[string][]string{"needs": c.Needs} }

func (c *fakeConfig) Validate() error {
	if c.Period < 0 {
		return errors.New("interval: is negative")
	}
	return nil
}

func (c *fakeConfig) GatherInterval() time.Duration { return c.Period }

// fakeInput collects one point per interval: its value.
type fakeInput struct {
	cfg    *fakeConfig
	env    inputs.Env
	starts func() // at the first gathering
}

func (f *fakeInput) Gather(ctx context.Context, out point.Sink) error {
	f.starts()
	return out.Feed(ctx, point.Metric, []point.Point{{
		Measurement: "fake", Tags: []point.Tag{{Key: "value", Value: f.cfg.Value}},
		Fields: []point.Field{{Key: "n", Value: point.Int(1)}},
	}})
}

// fakeFactory makes inputs called name; starts, when set, counts how often
// one was built.
func fakeFactory(name string, singleton bool, starts *counts) inputs.Factory {
	return inputs.Factory{
		Name: name, Catalog: "host", Help: "Collects nothing real.", Singleton: singleton,
		Config: func() any { return &fakeConfig{Value: "default", Period: time.Hour} },
		New: func(cfg any, env inputs.Env) (any, error) {
			c := cfg.(*fakeConfig)
			if c.Value == "impossible" {
				return nil, errors.New("nothing can collect this")
			}
			if c.Value == "later" {
				env.Log.Info("an input was built")
				env.Log.Warn("value is accepted, not yet active")
			}
			return &fakeInput{c, env, sync.OnceFunc(func() { starts.add(c.Value) })}, nil
		},
	}
}

// Check is what the program of an external would say.
func (f *fakeInput) Check(context.Context) error {
	if f.cfg.Value == "unknown to it" {
		f.env.Log.Warn("it was asked")
		return errors.New("the program does not know this")
	}
	return nil
}

// testProgram has a home of its own with these files.
func testProgram(t *testing.T, env map[string]string, files map[string]string) (*program, layout, *bytes.Buffer) {
	t.Helper()
	home := t.TempDir()
	writeFiles(t, home, files)
	var out bytes.Buffer
	return &program{
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		environ: func() (all []string) {
			for _, k := range slices.Sorted(maps.Keys(env)) {
				all = append(all, k+"="+env[k])
			}
			return all
		},
		out: &out, errOut: &out, home: home,
	}, layout{home}, &out
}

func writeFiles(t *testing.T, home string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestReadSettings(t *testing.T) {
	factories := []inputs.Factory{fakeFactory("one", true, nil), fakeFactory("many", false, nil)}
	p, l, _ := testProgram(t, map[string]string{
		"ENV_DATAKIT_INPUTS":     "[[inputs.many]]\nvalue = 'from env'\n",
		"ENV_INPUT_ONE_INTERVAL": "3s",
		"ENV_INPUT_ONE_INTERVLA": "3s",
	}, map[string]string{
		"conf.d/datakit.conf":     "protect_mode = true\n",
		"conf.d/host/a.conf":      "[[inputs.one]]\nvalue = 'a'\n[[inputs.many]]\n",
		"conf.d/host/b.conf":      "[[inputs.one]]\n",
		"conf.d/host/typo.conf":   "[[inputs.mnay]]\n",
		"conf.d/host/later.conf":  "[[inputs.statsd]]\n",
		"conf.d/host/wrong.conf":  "[[inputs.many]]\nvalu = 1\n",
		"conf.d/host/syntax.conf": "[[inputs",
	})
	s, err := p.readSettings(l, factories)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, in := range s.inputs {
		got = append(got, strings.TrimPrefix(in.section.Place(), l.home+"/conf.d/")+" "+in.factory.Name+" "+in.cfg.(*fakeConfig).Value)
	}
	if want := []string{"host/a.conf:1 one a", "host/a.conf:3 many default", "ENV_DATAKIT_INPUTS:1 many from env"}; !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if period := s.inputs[0].cfg.(*fakeConfig).Period; period != 3*time.Second {
		t.Errorf("ENV_INPUT_ONE_INTERVAL gave %v", period)
	}
	expectLines(t, l, s.mistakes,
		"host/syntax.conf:1: expected '.' or ']' to end table name, but got '\\x00' instead",
		`host/typo.conf:1: inputs.mnay: unknown input; did you mean "many"?`,
		"host/b.conf:1: inputs.one: may appear only once; it is already configured at host/a.conf:1",
		`host/wrong.conf:2: inputs.many.valu: unknown key; did you mean "value"?`)
	expectLines(t, l, s.warnings,
		"datakit.conf:1: protect_mode: is not supported and has no effect",
		"host/later.conf:1: inputs.statsd: this input is not supported and does not run",
		`ENV_INPUT_ONE_INTERVLA: sets no key of inputs.one; did you mean "ENV_INPUT_ONE_INTERVAL"?`)
}

func expectLines(t *testing.T, l layout, errs []error, want ...string) {
	t.Helper()
	var got []string
	for _, err := range errs {
		got = append(got, strings.ReplaceAll(err.Error(), l.home+"/conf.d/", ""))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func TestEnabledByEnvironment(t *testing.T) {
	factories := []inputs.Factory{fakeFactory("one", true, nil), fakeFactory("two", true, nil)}
	file := map[string]string{"conf.d/one.conf": "[[inputs.one]]\nvalue='file'\n"}
	for list, want := range map[string]string{
		"one,two": "one=file two=default", "two": "one=file two=default", "-": "one=file", "-one": "", "one -two": "one=file",
	} {
		p, l, _ := testProgram(t, map[string]string{"ENV_ENABLE_INPUTS": list}, file)
		s, err := p.readSettings(l, factories)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, in := range s.inputs {
			got = append(got, in.factory.Name+"="+in.cfg.(*fakeConfig).Value)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	factories := []inputs.Factory{fakeFactory("one", true, nil)}
	for name, c := range map[string]struct {
		files map[string]string
		valid bool
		want  string
	}{
		"nothing":     {nil, true, "warning: HOME/conf.d: does not exist; this is what the environment and the defaults say\nbackend: none; points stay in the local store\nThe configuration in HOME is valid.\n"},
		"good":        {map[string]string{"conf.d/one.conf": "[[inputs.one]]"}, true, "backend: none; points stay in the local store\ninput:   one (HOME/conf.d/one.conf:1)\nThe configuration in HOME is valid.\n"},
		"bad main":    {map[string]string{"conf.d/datakit.conf": "x = 1"}, false, "mistake: HOME/conf.d/datakit.conf:1: x: unknown key\n"},
		"impossible":  {map[string]string{"conf.d/one.conf": "[[inputs.one]]\nvalue = 'impossible'"}, false, "mistake: HOME/conf.d/one.conf:1: inputs.one: nothing can collect this\nbackend: none; points stay in the local store\ninput:   one (HOME/conf.d/one.conf:1)\n"},
		"warns":       {map[string]string{"conf.d/one.conf": "[[inputs.one]]\nvalue = 'later'"}, true, "warning: HOME/conf.d/one.conf:1: inputs.one: value is accepted, not yet active\nbackend: none; points stay in the local store\ninput:   one (HOME/conf.d/one.conf:1)\nThe configuration in HOME is valid.\n"},
		"asked":       {map[string]string{"conf.d/one.conf": "[[inputs.one]]\nvalue = 'unknown to it'"}, false, "warning: HOME/conf.d/one.conf:1: inputs.one: it was asked\nmistake: HOME/conf.d/one.conf:1: inputs.one: the program does not know this\nbackend: none; points stay in the local store\ninput:   one (HOME/conf.d/one.conf:1)\n"},
		"file":        {map[string]string{"conf.d/one.conf": "\n[[inputs.one]]\nneeds = ['/', '/none/x']"}, false, "mistake: HOME/conf.d/one.conf:3: inputs.one.needs: /none/x: no such file or directory\nbackend: none; points stay in the local store\ninput:   one (HOME/conf.d/one.conf:2)\n"},
		"certificate": {map[string]string{"conf.d/datakit.conf": "[http_api.tls]\ncert='/none.crt'\nprivkey='/none.key'"}, false, "mistake: http_api: load certificate: stat /none.crt: no such file or directory\nbackend: none; points stay in the local store\n"},
		"backend":     {map[string]string{"conf.d/datakit.conf": "[[backends]]\nkind='influx1'\nurl='http://127.0.0.1:1'\n"}, true, "backend: influx1-127.0.0.1-1 (influx1)\nThe configuration in HOME is valid.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p, l, out := testProgram(t, nil, c.files)
			err := p.check(t.Context(), l, factories, false)
			if (err == nil) != c.valid || strings.ReplaceAll(out.String(), l.home, "HOME") != c.want {
				t.Errorf("%v\ngot  %q\nwant %q", err, strings.ReplaceAll(out.String(), l.home, "HOME"), c.want)
			}
		})
	}
}

func TestCheckJSON(t *testing.T) {
	p, l, out := testProgram(t, nil, map[string]string{"conf.d/one.conf": "\n[[inputs.one]]\nvalue = 1"})
	if err := p.check(t.Context(), l, []inputs.Factory{fakeFactory("one", true, nil)}, true); !errors.Is(err, errInvalid) {
		t.Error(err)
	}
	var got struct {
		Valid    bool
		Mistakes []struct {
			File, Key, Message string
			Line               int
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got.Valid || len(got.Mistakes) != 1 {
		t.Fatalf("%v\n%s", err, out)
	}
	if m := got.Mistakes[0]; m.File != l.home+"/conf.d/one.conf" || m.Line != 3 || m.Key != "inputs.one.value" || m.Message != "1 is not text; write it in quotes" {
		t.Errorf("%+v", m)
	}
}
