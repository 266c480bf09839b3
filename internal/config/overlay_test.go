package config

import (
	"reflect"
	"testing"
	"time"
)

func TestOverlay(t *testing.T) {
	yes := true
	got, err := decodeProbe(t, "[[inputs.probe]]\nname = 'file'\nlist = ['file']", environment(map[string]string{
		"ENV_INPUT_PROBE_ON":         "off",
		"ENV_INPUT_PROBE_NAME":       "env",
		"ENV_INPUT_PROBE_PERIOD":     `"1m30s"`,
		"ENV_INPUT_PROBE_COUNT":      "-3",
		"ENV_INPUT_PROBE_PORT":       "443",
		"ENV_INPUT_PROBE_BOUND":      "1GB",
		"ENV_INPUT_PROBE_LIST":       " a , b,,'c'",
		"ENV_INPUT_PROBE_EMPTY":      `"x","y"`,
		"ENV_INPUT_PROBE_SECRET":     "not taken",
		"ENV_INPUT_PROBE_OPTIONAL":   "Yes",
		"ENV_INPUT_PROBE_DEEP_LEVEL": "9",
		"ENV_INPUT_PROBE_TAGS":       "a=1, b = x=y ,c=",
		"ENV_OLD_SHARE":              "0.25",
	}))
	want := &probe{
		Name: "env", Period: 90 * time.Second, Count: -3, Port: 443, Share: 0.25, Bound: 1e9,
		List: []string{"a", "b", "c"}, Empty: []string{"x", "y"}, Optional: &yes, Deep: deep{Level: 9},
		Tags: map[string]string{"a": "1", "b": "x=y", "c": ""},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v\n%v", got, want, err)
	}
}

func TestOverlayFirstNameWins(t *testing.T) {
	got, err := decodeProbe(t, "[[inputs.probe]]", environment(map[string]string{
		"ENV_INPUT_PROBE_RATIO": "0.75", "ENV_OLD_SHARE": "0.25", "ENV_INPUT_PROBE_SHARE": "0.1",
	}))
	if err != nil || got.Share != 0.75 {
		t.Errorf("%v, %v", got.Share, err)
	}
}

func TestOverlayNamesTheVariable(t *testing.T) {
	for name, want := range map[string]string{
		"ENV_INPUT_PROBE_ON=maybe":     `ENV_INPUT_PROBE_ON: "maybe" is neither yes nor no; allowed are true, false, yes, no, on, off, 1, 0`,
		"ENV_INPUT_PROBE_PERIOD=5":     `ENV_INPUT_PROBE_PERIOD: "5" is not a duration; write it like "10s" or "1m30s"`,
		"ENV_INPUT_PROBE_COUNT=x":      `ENV_INPUT_PROBE_COUNT: "x" is not a whole number from -2147483648 to 2147483647`,
		"ENV_INPUT_PROBE_PORT=-1":      `ENV_INPUT_PROBE_PORT: "-1" is not a whole number from 0 to 65535`,
		"ENV_INPUT_PROBE_TAGS=a":       `ENV_INPUT_PROBE_TAGS: "a" is not name=value; write name=value,name2=value2`,
		"ENV_INPUT_PROBE_BOUND=12":     `ENV_INPUT_PROBE_BOUND: "12" is not a size; write a number and one of KB, MB, GB, KiB, MiB, GiB`,
		"ENV_INPUT_PROBE_RATIO=high":   `ENV_INPUT_PROBE_RATIO: "high" is not a number`,
		"ENV_INPUT_PROBE_PERIOD=1ms":   `ENV_INPUT_PROBE_PERIOD: has to be at least 1s`,
		"ENV_INPUT_PROBE_DEEP_LEVEL=?": `ENV_INPUT_PROBE_DEEP_LEVEL: "?" is not a whole number`,
	} {
		variable, value, _ := cut(name)
		_, err := decodeProbe(t, "[[inputs.probe]]", environment(map[string]string{variable: value}))
		if err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", name, err, want)
		}
	}
}

func cut(assignment string) (string, string, bool) {
	for i := range assignment {
		if assignment[i] == '=' {
			return assignment[:i], assignment[i+1:], true
		}
	}
	return assignment, "", false
}

func TestParseBool(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "f": false, "False": false, "FaLse": false, "0": false, "no": false, "OFF": false,
		"1": true, "yes": true, "On": true, "TRUE": true, "t": true, "Y": true,
	} {
		if got, err := parseBool(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func TestUnknownEnv(t *testing.T) {
	got := UnknownEnv([]string{
		"ENV_INPUT_PROBE_PERIO=1s", "ENV_INPUT_PROBE_PERIOD=1s", "ENV_INPUT_OTHER_X=1", "PATH=/bin", "ENV_INPUT_PROBE_DEEP_LEVEL=1",
	}, "probe", newProbe())
	if len(got) != 1 || got[0].Error() != `ENV_INPUT_PROBE_PERIO: sets no key of inputs.probe; did you mean "ENV_INPUT_PROBE_PERIOD"?` {
		t.Errorf("%v", got)
	}
}

func TestUnknownMainEnv(t *testing.T) {
	got := UnknownMainEnv([]string{
		"ENV_HTTP_LISTN=x", "ENV_HTTP_LISTEN=x", "ENV_GIT_URL=x", "ENV_INPUT_PROBE_X=1", "ENV_INPUT_OTHER_X=1", "ENV_K8S_NODE_NAME=n", "PATH=x",
	}, []string{"probe"})
	var lines []string
	for _, m := range got {
		lines = append(lines, m.Error())
	}
	want := []string{
		`ENV_HTTP_LISTN: is not supported and has no effect; did you mean "ENV_HTTP_LISTEN"?`,
		`ENV_GIT_URL: is not supported and has no effect`,
		`ENV_INPUT_OTHER_X: is not supported and has no effect`,
	}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("got  %q\nwant %q", lines, want)
	}
}
