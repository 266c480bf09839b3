package config

import (
	"reflect"
	"testing"
	"time"
)

const probeSample = `## Collects nothing.
## Slowly.
[[inputs.probe]]
  ## A switch.
  on = true
  name = "x"

  ## How often.
  ## Not too often.
  # period = "90s"
  # count = 7
  port = 80
  share = 1.0
  bound = "4MiB"
  list = [
    "a",
    "b",
  ]
  empty = []
  secret = ""
  # optional = true

  ## A table.
  [inputs.probe.deep]
    # path = "/a"
    level = 3

  # [[inputs.probe.many]]
    # path = "/a"
    # level = 0

  [inputs.probe.tags]
    # some_tag = "some_value"
`

func TestSample(t *testing.T) {
	text := Sample("probe", "Collects nothing.\nSlowly.", newProbe())
	if text != probeSample {
		t.Errorf("got\n%s\nwant\n%s", text, probeSample)
	}
	got, err := decodeProbe(t, text, noEnv)
	want := newProbe()
	want.Tags = map[string]string{} // the empty table
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("decodes to\n%+v\nnot the defaults\n%+v\n%v", got, want, err)
	}
}

func TestMainSampleIsTheDefaults(t *testing.T) {
	text := MainSample()
	got, warnings, err := ParseMain("sample", text, noEnv)
	if err != nil || len(warnings) > 0 || !reflect.DeepEqual(got, DefaultMain()) {
		t.Errorf("decodes to\n%+v\nnot the defaults\n%+v\n%v %v\n%s", got, DefaultMain(), warnings, err, text)
	}
}

func TestShortDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Minute: "1m", time.Hour: "1h", 90 * time.Second: "1m30s", 100 * time.Millisecond: "100ms",
		0: "0s", 10 * time.Minute: "10m", 20 * time.Hour: "20h", time.Hour + 10*time.Second: "1h0m10s",
	} {
		if got := shortDuration(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestDescribe(t *testing.T) {
	byPath := map[string]Key{}
	for _, k := range Describe(newProbe(), EnvPrefix("probe")) {
		byPath[k.Path] = k
	}
	for _, want := range []Key{
		{Path: "on", Type: "true or false", Default: "true", Env: "ENV_INPUT_PROBE_ON", Help: "A switch."},
		{Path: "share", Type: "number", Default: "1.0", Env: "ENV_INPUT_PROBE_RATIO, ENV_OLD_SHARE"},
		{Path: "secret", Type: "text"},
		{Path: "list", Type: "list of text", Default: `["a", "b"]`, Env: "ENV_INPUT_PROBE_LIST"},
		{Path: "bound", Type: "size", Default: `"4MiB"`, Env: "ENV_INPUT_PROBE_BOUND"},
		{Path: "deep.level", Type: "number", Default: "3", Env: "ENV_INPUT_PROBE_DEEP_LEVEL"},
		{Path: "many[].level", Type: "number"},
		{Path: "period", Type: "duration", Default: `"1m"`, Env: "ENV_INPUT_PROBE_PERIOD", Help: "How often.\nNot too often."},
	} {
		if got := byPath[want.Path]; got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}
