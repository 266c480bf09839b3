package procfs

import "testing"

func TestParseNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		text  string
		a, b  uint64
		found int
		err   string
	}{
		"both":           {"x 3\na: 1\nb:\t2 9\nc: 4\n", 1, 2, 2, ""},
		"other order":    {"b: 2\na: 1", 1, 2, 2, ""},
		"one":            {"a: 1\n", 1, 0, 1, ""},
		"longer names":   {"aa: 1\na:b 1\n", 0, 0, 0, ""},
		"nothing":        {"", 0, 0, 0, ""},
		"no number":      {"a: 1\nb: x\n", 1, 0, 1, `b: "x" is not a number`},
		"cut":            {"a:", 0, 0, 0, `a: "" is not a number`},
		"behind the end": {"a: 1\nb: 2\na: x\n", 1, 2, 2, ""},
	} {
		var a, b uint64
		found, err := ParseNamed([]byte(tc.text), Named{"a:", &a}, Named{"b:", &b})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if a != tc.a || b != tc.b || found != tc.found || got != tc.err {
			t.Errorf("%s: %d %d, %d found, %v", name, a, b, found, err)
		}
	}
}

func TestParseNamedAllocatesNothing(t *testing.T) {
	data := []byte("Name:\tx\nUid:\t1\t1\t1\t1\n")
	if n := testing.AllocsPerRun(100, func() {
		var uid uint64
		if _, err := ParseNamed(data, Named{"Uid:", &uid}); err != nil || uid != 1 {
			t.Error(uid, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
