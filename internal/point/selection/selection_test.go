package selection

import (
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"testing"

	"datakit.dev/agent/internal/point"
)

func TestApply(t *testing.T) {
	for _, tt := range []struct {
		name         string
		lists        Lists
		fields, tags string // what is left
	}{
		{"nothing said", Lists{}, "read_bytes read_bytes/sec used_percent", "device serial"},
		{"only some fields", Lists{FieldsInclude: []string{"read_*"}}, "read_bytes read_bytes/sec", "device serial"},
		{"not some fields", Lists{FieldsExclude: []string{"*/sec"}}, "read_bytes used_percent", "device serial"},
		{"exclude beats include", Lists{FieldsInclude: []string{"read_*"}, FieldsExclude: []string{"*/sec"}}, "read_bytes", "device serial"},
		{"one character", Lists{FieldsInclude: []string{"read?bytes"}}, "read_bytes", "device serial"},
		{"only some tags", Lists{TagsInclude: []string{"dev*"}}, "read_bytes read_bytes/sec used_percent", "device"},
		{"not some tags", Lists{TagsExclude: []string{"device"}}, "read_bytes read_bytes/sec used_percent", "serial"},
		{"no field left", Lists{FieldsExclude: []string{"*"}}, "", "device serial"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := sample()
			kept := tt.lists.Apply(&p)
			if kept != (tt.fields != "") || names(p.Fields, func(f point.Field) string { return f.Key }) != tt.fields ||
				names(p.Tags, func(t point.Tag) string { return t.Key }) != tt.tags {
				t.Errorf("%v %+v", kept, p)
			}
			if all := tt.name == "nothing said"; tt.lists.All() != all {
				t.Errorf("All is %v", !all)
			}
		})
	}
}

func sample() point.Point {
	return point.Point{
		Tags: []point.Tag{{Key: "device", Value: "sda"}, {Key: "serial", Value: "1"}},
		Fields: []point.Field{
			{Key: "read_bytes", Value: point.Int(1)}, {Key: "read_bytes/sec", Value: point.Int(2)}, {Key: "used_percent", Value: point.Float(3)},
		},
	}
}

func names[E any](all []E, name func(E) string) string {
	var text []string
	for _, e := range all {
		text = append(text, name(e))
	}
	return strings.Join(text, " ")
}

// next keeps what it is fed, or refuses.
type next struct {
	got []point.Point
	err error
}

func (n *next) Feed(_ context.Context, _ point.Category, pts []point.Point) error {
	n.got = append(n.got, pts...)
	return n.err
}

func TestSink(t *testing.T) {
	bare := point.Point{Measurement: "bare", Fields: []point.Field{{Key: "other", Value: point.Int(1)}}}
	removed, to := 0, &next{}
	s := Wrap(to, &Lists{FieldsInclude: []string{"used_*"}}, func(n int) { removed += n })
	if err := s.Feed(t.Context(), point.Metric, []point.Point{bare, sample(), bare}); err != nil || len(to.got) != 1 || removed != 2 {
		t.Errorf("%v, %d points, %d removed", err, len(to.got), removed)
	}
	// Nothing left is no error, and nothing to hand on.
	if err := s.Feed(t.Context(), point.Metric, []point.Point{bare}); err != nil || len(to.got) != 1 || removed != 3 {
		t.Errorf("%v, %d points, %d removed", err, len(to.got), removed)
	}
	// What was refused was not captured, so that nothing was filtered either.
	to.err = errors.New("closed")
	if err := s.Feed(t.Context(), point.Metric, []point.Point{bare, sample()}); err != to.err || removed != 3 {
		t.Errorf("%v, %d removed", err, removed)
	}
}

func TestIdle(t *testing.T) {
	spec := []point.Measurement{{Fields: []point.FieldSpec{{Key: "used"}}}, {Fields: []point.FieldSpec{{Key: "free"}}}}
	l := Lists{FieldsInclude: []string{"us*", "fre"}, FieldsExclude: []string{"free", "total"}}
	var got []string
	for _, err := range l.Idle(spec) {
		got = append(got, err.Error())
	}
	want := []string{`fields_include: "fre" matches no field of this input`, `fields_exclude: "total" matches no field of this input`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"*datakit*", "registry/a/datakit:1", true}, {"*", "", true}, {"", "", true}, {"", "x", false},
		{"a?c", "abc", true}, {"a?c", "ac", false}, {"a*b*c", "axxbyyc", true}, {"a*b", "abx", false}, {"x**", "x", true}, {"*ab", "aab", true},
	} {
		if got := Match(tt.pattern, tt.text); got != tt.want {
			t.Errorf("%q, %q: %v", tt.pattern, tt.text, got)
		}
	}
}

// FuzzMatch compares with path.Match, which agrees where nothing but * and ?
// is special and no slash and no character of many bytes comes up.
func FuzzMatch(f *testing.F) {
	f.Add("a*b", "axb")
	f.Add("*?*", "")
	f.Add("**a", "aa")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if strings.ContainsAny(pattern+text, "[]\\/") || strings.ContainsFunc(pattern+text, func(r rune) bool { return r >= 0x80 }) {
			return
		}
		want, err := path.Match(pattern, text)
		if got := Match(pattern, text); err != nil || got != want {
			t.Errorf("%q, %q: %v, path.Match says %v, %v", pattern, text, got, want, err)
		}
	})
}
