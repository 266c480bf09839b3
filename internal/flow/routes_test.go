package flow

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

func TestRoutes(t *testing.T) {
	r, err := ParseRoutes([]string{
		"/users/{id}", "/users/{id}/orders/{order}", "/users/me", "/static/*", "/static/img/{name}", "/{a}/{b}/{c}/x", "/", "/v1/*", "/v1/{x}/y",
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ path, want string }{
		{"/", "/"},
		{"/users/7", "/users/{id}"},
		{"/users/me", "/users/me"},
		{"/users/", "/users/"},     // a segment is not empty
		{"/users/7/", "/users/7/"}, // and a slash at the end is one more
		{"/users", "/users"},
		{"/users/7/orders", "/users/7/orders"},
		{"/users/7/orders/9", "/users/{id}/orders/{order}"},
		{"/users/me/orders/9", "/users/{id}/orders/{order}"}, // where the text leads nowhere
		{"/Users/7", "/Users/7"},
		{"/static", "/static"},
		{"/static/", "/static/*"},
		{"/static/a/b.css", "/static/*"},
		{"/static/img/a.png", "/static/img/{name}"},
		{"/static/img/a/b.png", "/static/*"},
		{"/static/img/y/x", "/static/*"}, // text wins over {a}, even where * ends it
		{"/one/two/three/x", "/{a}/{b}/{c}/x"},
		{"/v1/a/y", "/v1/{x}/y"},
		{"/v1/a/z", "/v1/*"},
		{"/v1/a%2Fb/y", "/v1/{x}/y"},
		{"*", "*"},
		{"", ""},
		{"example.com:443", "example.com:443"},
		{"//", "//"},
	}
	for _, tt := range tests {
		if got := r.Fold(tt.path); got != tt.want {
			t.Errorf("Fold(%q) = %q, want %q", tt.path, got, tt.want)
		}
		if n := testing.AllocsPerRun(10, func() { r.Fold(tt.path) }); n != 0 {
			t.Errorf("Fold(%q) allocates %v times", tt.path, n)
		}
	}
}

func TestNoRoutes(t *testing.T) {
	r, err := ParseRoutes(nil)
	if err != nil || r.Fold("/a/b") != "/a/b" {
		t.Errorf("without routes: %v, %q", err, r.Fold("/a/b"))
	}
}

func TestBadRoutes(t *testing.T) {
	tests := []struct {
		patterns []string
		want     string
	}{
		{[]string{""}, `route "": want a path that begins with /`},
		{[]string{"users/{id}"}, "begins with /"},
		{[]string{"/a*"}, `segment "a*"`},
		{[]string{"/*/a"}, `segment "*"`},
		{[]string{"/{}"}, `segment "{}"`},
		{[]string{"/v{n}"}, `segment "v{n}"`},
		{[]string{"/{a}{b}"}, `segment "{a}{b}"`},
		{[]string{"/a?x=1"}, `segment "a?x=1"`},
		{[]string{"/a/{x}", "/a/{y}"}, `route "/a/{y}": matches the same paths as "/a/{x}"`},
		{[]string{"/a/*", "/a/*"}, "matches the same paths"},
	}
	for _, tt := range tests {
		if _, err := ParseRoutes(tt.patterns); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %s", tt.patterns, err, tt.want)
		}
	}
}

// TestRoutesAsRegexps compares random routes with the regular expressions
// they stand for: what matches, matches, and the chosen route is one of those.
func TestRoutesAsRegexps(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	pick := func(from ...string) string { return from[rnd.IntN(len(from))] }
	matched := 0
	for range 300 {
		var patterns []string
		for range 1 + rnd.IntN(6) {
			p := ""
			for range 1 + rnd.IntN(4) {
				p += "/" + pick("a", "b", "{x}", "{y}")
			}
			patterns = append(patterns, p+pick("", "/*"))
		}
		r, err := ParseRoutes(patterns)
		if err != nil {
			continue // two of them are the same
		}
		for range 50 {
			path := ""
			for range rnd.IntN(6) {
				path += "/" + pick("a", "b", "c", "")
			}
			var want []string
			for _, p := range patterns {
				expr := regexp.MustCompile(`\{.\}`).ReplaceAllString(p, "[^/]+")
				if regexp.MustCompile("^" + strings.Replace(expr, "*", ".*", 1) + "$").MatchString(path) {
					want = append(want, p)
				}
			}
			got := r.Fold(path)
			switch {
			case len(want) == 0 && got != path:
				t.Fatalf("%q: %q folds to %q, want no route", patterns, path, got)
			case len(want) > 0 && !strings.Contains(" "+strings.Join(want, " ")+" ", " "+got+" "):
				t.Fatalf("%q: %q folds to %q, want one of %q", patterns, path, got, want)
			case len(want) > 0:
				matched++
			}
		}
	}
	if matched < 1000 {
		t.Errorf("only %d paths matched: the test shows little", matched)
	}
}
