package config

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

// probe has a field of every type a configuration struct may have.
type probe struct {
	On       bool              `toml:"on" help:"A switch."`
	Name     string            `toml:"name"`
	Period   time.Duration     `toml:"period" example:"90s" help:"How often.\nNot too often."`
	Count    int32             `toml:"count" example:"7"`
	Port     uint16            `toml:"port"`
	Share    float64           `toml:"share" env:"RATIO,ENV_OLD_SHARE"`
	Bound    Size              `toml:"bound"`
	List     []string          `toml:"list"`
	Empty    []string          `toml:"empty"`
	Hidden   string            `toml:"-"`
	Secret   string            `toml:"secret" env:"-"`
	Optional *bool             `toml:"optional" example:"true"`
	Deep     deep              `toml:"deep" help:"A table."`
	Many     []deep            `toml:"many"`
	Tags     map[string]string `toml:"tags" example:"some_tag = \"some_value\""`
}

type deep struct {
	Path  string `toml:"path" example:"/a"`
	Level int    `toml:"level"`
}

func (p *probe) Validate() error {
	var errs []error
	if p.Period < time.Second {
		errs = append(errs, errors.New("period: has to be at least 1s"))
	}
	if p.Name == "forbidden" {
		errs = append(errs, errors.New("it is forbidden"))
	}
	return errors.Join(errs...)
}

func newProbe() *probe {
	return &probe{
		On: true, Name: "x", Period: time.Minute, Count: 7, Port: 80, Share: 1, Bound: 4 << 20,
		List: []string{"a", "b"}, Empty: []string{}, Deep: deep{Level: 3},
	}
}

func noEnv(string) (string, bool) { return "", false }

func environment(vars map[string]string) Lookup {
	return func(name string) (string, bool) { v, ok := vars[name]; return v, ok }
}

func decodeProbe(t *testing.T, text string, env Lookup) (*probe, error) {
	t.Helper()
	sections, mistakes := ParseSections("p.conf", text, env)
	if len(mistakes) > 0 {
		return nil, errors.Join(mistakes...)
	}
	if len(sections) != 1 {
		t.Fatalf("sections: %+v", sections)
	}
	p := newProbe()
	return p, sections[0].Decode(p, env)
}

func TestDecodeKeepsDefaults(t *testing.T) {
	for _, text := range []string{"[[inputs.probe]]", "[inputs.probe]", "\ufeff[[inputs.probe]]\r\n", "[ inputs . \"probe\" ]"} {
		got, err := decodeProbe(t, text, noEnv)
		if err != nil || !reflect.DeepEqual(got, newProbe()) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestDecodeSetsEveryKind(t *testing.T) {
	yes := true
	want := &probe{
		Name: "it's \"ok\"", Period: 90 * time.Second, Count: -1, Port: 65535, Share: 0.5, Bound: 1536,
		List: []string{"c"}, Empty: []string{"d", "e"}, Secret: "s", Optional: &yes,
		Deep: deep{Path: "/x", Level: 3}, Many: []deep{{Path: "1"}, {Level: 2}}, Tags: map[string]string{"k.v": "v"},
	}
	got, err := decodeProbe(t, `
[[inputs.probe]]
  on = false
  name = 'it''s "ok"'
`, noEnv)
	if err == nil {
		t.Errorf("'' is no escape in TOML, got %+v", got)
	}
	got, err = decodeProbe(t, `# comment [not.a.header]
[[inputs.probe]]
  on = false
  name = "it's \"ok\""
  period = "1m30s"
  count = -1
  port = 65535
  share = 0.5
  bound = "1.5KiB"
  list = [
    "c", # ] tricky
  ]
  empty = ['d', """e"""]
  secret = "s"
  optional = true
  deep.path = "/x"
  [[inputs.probe.many]]
    path = "1"
  [[inputs.probe.many]]
    level = 2
  [inputs.probe.tags]
    "k.v" = "v"
`, noEnv)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v\n%v", got, want, err)
	}
}

// What cannot be bound does not hide what the whole says, and one value gets
// one mistake.
func TestDecodeNamesMistakesOfBothKinds(t *testing.T) {
	_, err := decodeProbe(t, "[[inputs.probe]]\nperiod = '1ms'\nperiot = '1s'\ncount = 'x'", noEnv)
	want := `p.conf:2: inputs.probe.period: has to be at least 1s
p.conf:3: inputs.probe.periot: unknown key; did you mean "period"?
p.conf:4: inputs.probe.count: "x" is not a whole number from -2147483648 to 2147483647`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}

	var ruled struct {
		rule
		Period time.Duration `toml:"period"`
	}
	err = Section{Input: "x", File: "f", Text: "[[inputs.x]]\nperiod = 'abc'", Line: 1}.Decode(&ruled, noEnv)
	if want := `f:2: inputs.x.period: "abc" is not a duration; write it like "10s" or "1m30s"`; err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// rule finds a key missing that was given wrongly.
type rule struct{}

func (*rule) Validate() error { return errors.New("period: is required") }

func TestMistakeOfASectionNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"[[inputs.x]]\na = 1\n\nb = 2": "f:8: inputs.x.b: is bad",
		"[inputs.x]\nb = 2":            "f:6: inputs.x.b: is bad",
		"[[inputs.x]]":                 "f:5: inputs.x.b: is bad",
		"":                             "f:5: inputs.x.b: is bad",
	} {
		s := Section{Input: "x", File: "f", Line: 5, Text: text}
		if got := s.Mistake("b", "is bad").Error(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
		if got := s.Mistake("", "is bad").Error(); got != "f:5: inputs.x: is bad" {
			t.Error(got)
		}
	}
}

func TestDecodeNamesMistakes(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":         {"[[inputs.probe]]\n\n  perod = '1s'", `p.conf:3: inputs.probe.perod: unknown key; did you mean "period"?`},
		"case matters":        {"[[inputs.probe]]\nPeriod = '1s'", `p.conf:2: inputs.probe.Period: unknown key; did you mean "period"?`},
		"nothing like it":     {"[[inputs.probe]]\n[inputs.probe.deep]\nzzzzzzzz = 1", `p.conf:3: inputs.probe.deep.zzzzzzzz: unknown key; allowed are path, level`},
		"unknown table":       {"[[inputs.probe]]\n[inputs.probe.zzzzzzzz.y]\na = 1", `p.conf:2: inputs.probe.zzzzzzzz: unknown key`},
		"number as text":      {"[[inputs.probe]]\nname = 5", `p.conf:2: inputs.probe.name: 5 is not text; write it in quotes`},
		"text as number":      {"[[inputs.probe]]\ncount = \"5\"", `p.conf:2: inputs.probe.count: "5" is not a whole number from -2147483648 to 2147483647`},
		"too large":           {"[[inputs.probe]]\nport = 65536", `p.conf:2: inputs.probe.port: 65536 is not a whole number from 0 to 65535`},
		"text as bool":        {"[[inputs.probe]]\non = 'yes'", `p.conf:2: inputs.probe.on: "yes" is not true or false`},
		"text as float":       {"[[inputs.probe]]\nshare = '1'", `p.conf:2: inputs.probe.share: "1" is not a number`},
		"duration":            {"[[inputs.probe]]\nperiod = 'abc'", `p.conf:2: inputs.probe.period: "abc" is not a duration; write it like "10s" or "1m30s"`},
		"duration, no unit":   {"[[inputs.probe]]\nperiod = 10", `p.conf:2: inputs.probe.period: "10" is not a duration; write it like "10s" or "1m30s"`},
		"size":                {"[[inputs.probe]]\nbound = '4096'", `p.conf:2: inputs.probe.bound: "4096" is not a size; write a number and one of KB, MB, GB, KiB, MiB, GiB`},
		"list":                {"[[inputs.probe]]\nlist = 'a'", `p.conf:2: inputs.probe.list: "a" is not a list; write [ … ]`},
		"element":             {"[[inputs.probe]]\nlist = [\n'a',\n1]", `p.conf:2: inputs.probe.list: 1 is not text; write it in quotes`},
		"second table":        {"[[inputs.probe]]\n[[inputs.probe.many]]\nlevel=1\n[[inputs.probe.many]]\nlevel='x'", `p.conf:5: inputs.probe.many.level: "x" is not a whole number`},
		"table":               {"[[inputs.probe]]\ntags = 1", `p.conf:2: inputs.probe.tags: 1 is not a table; write [inputs.probe.tags]`},
		"several, by line":    {"[[inputs.probe]]\non = 1\nname = 2", "p.conf:2: inputs.probe.on: 1 is not true or false\np.conf:3: inputs.probe.name: 2 is not text; write it in quotes"},
		"validate, at a key":  {"[[inputs.probe]]\non = true\nperiod = '1ms'", `p.conf:3: inputs.probe.period: has to be at least 1s`},
		"validate, elsewhere": {"#\n[[inputs.probe]]\nname = 'forbidden'", `p.conf:2: inputs.probe: it is forbidden`},
		"syntax":              {"[[inputs.probe]]\n\nname = ", `p.conf:3: unexpected EOF; expected value`},
		"foreign table":       {"[[inputs.probe]]\n[cpu]\nx = 1", `p.conf:2: cpu: unknown table; allowed here is [[inputs.<name>]]`},
		"key at the top":      {"interval = 1\n[[inputs.probe]]", `p.conf:1: interval: this key is in no input; write it below [[inputs.<name>]]`},
		"key in [inputs]":     {"[inputs]\nprobe = {}", `p.conf:2: probe: this key is in no input; write it below [[inputs.<name>]]`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeProbe(t, c.text, noEnv)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestDecodeInterpolates(t *testing.T) {
	env := environment(map[string]string{"WHERE": "there", "EMPTY": ""})
	for text, want := range map[string]string{
		"a $WHERE b": "a there b", "${WHERE}x": "therex", "$WHEREx": "$WHEREx", "${NOT}": "${NOT}", "$EMPTY.": ".",
		"$datakit_hostname": "$datakit_hostname", "$1 $$ $": "$1 $$ $",
	} {
		got, err := decodeProbe(t, "[[inputs.probe]]\nname = '"+text+"'", env)
		if err != nil || got.Name != want {
			t.Errorf("%s: %q, %v, want %q", text, got.Name, err, want)
		}
	}
}

func TestSizes(t *testing.T) {
	// Acceptance vectors of resource limits.
	for text, want := range map[string]Size{
		"4GiB": 4294967296, "4gib": 4294967296, "4GB": 4000000000, "1.5M": 1500000, "512K": 512000, "0KB": 0, " 1 MiB ": 1 << 20,
	} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
		var again Size
		if err := again.UnmarshalText([]byte(got.String())); err != nil || again != got {
			t.Errorf("%s is written as %s, which is %d, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"4096", "1TiB", "abcMB", "", "-1MB", "NaNGB", "1e300GB", "MB"} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was taken as %d", text, got)
		}
	}
}

func TestFlatten(t *testing.T) {
	a, b, c := errors.New("a"), errors.New("b"), errors.New("c")
	got := Flatten(errors.Join(a, errors.Join(b, c)))
	if !reflect.DeepEqual(got, []error{a, b, c}) || Flatten(nil) != nil {
		t.Errorf("%v", got)
	}
	for _, c := range []struct {
		err  Error
		want string
	}{
		{Error{File: "f", Msg: "m"}, "f: m"}, {Error{Msg: "m"}, "m"}, {Error{Key: "k", Msg: "m"}, "k: m"},
		{Error{File: "f", Line: 2, Key: "k", Msg: "m"}, "f:2: k: m"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
