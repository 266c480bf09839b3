package config

import (
	"reflect"
	"strings"
	"testing"
)

// What is written decodes to the same, with tables where they were.
func TestEncode(t *testing.T) {
	for name, want := range map[string]open{
		"nothing": {},
		"tables": {
			Name:   `a "b"`,
			Config: map[string]any{"n": int64(1), "deep": map[string]any{"on": true}},
			Tables: map[string]any{"bpf-x": map[string]any{"k": "v", "list": []any{"a"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := Encode("open", &want)
			if err != nil {
				t.Fatal(err)
			}
			var got open
			if err := (Section{Input: "open", File: "f", Text: text}).Decode(&got, noEnv); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v\n%v\n%s", got, want, err, text)
			}
			if strings.Contains(text, anyTable) {
				t.Errorf("the tables are in one: %s", text)
			}
		})
	}
	if _, err := Encode("open", map[string]any{"f": func() {}}); err == nil {
		t.Error("wrote a function")
	}
}
