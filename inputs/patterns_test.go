package inputs

import (
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for name, tc := range map[string]struct {
		values  []string
		text    string
		matches bool
	}{
		"none stand for all": {nil, "eth0", true},
		"first":              {[]string{"^eth", "^lo$"}, "eth0", true},
		"second":             {[]string{"^eth", "^lo$"}, "lo", true},
		"other":              {[]string{"^eth", "^lo$"}, "loop0", false},
		"anywhere":           {[]string{"th"}, "eth0", true},
	} {
		p, err := CompilePatterns("interfaces", tc.values)
		if err != nil {
			t.Fatal(err)
		}
		if p.Match(tc.text) != tc.matches {
			t.Errorf("%s: %q matches %q: %v", name, tc.values, tc.text, !tc.matches)
		}
	}
	if _, err := CompilePatterns("interfaces", []string{"^lo$", "eth[0"}); err == nil || !strings.HasPrefix(err.Error(), "interfaces: error parsing regexp") {
		t.Errorf("error = %v", err)
	}
}
