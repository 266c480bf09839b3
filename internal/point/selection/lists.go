// Package selection leaves fields and tags out of points, as the lists in
// the configuration of an input say.
package selection

import (
	"fmt"
	"slices"
	"strings"

	"datakit.dev/agent/internal/point"
)

// Lists are the keys that every input has which makes points in this process.
// Its config struct embeds them. The zero value keeps everything.
type Lists struct {
	FieldsInclude []string `toml:"fields_include" example:"[\"usage_*\"]" help:"Only the fields that match one of these; * stands for any text, ? for one character. A\npoint without fields vanishes, and counts as filtered."`
	FieldsExclude []string `toml:"fields_exclude" example:"[\"*_percent\"]" help:"But not the fields that match one of these."`
	TagsInclude   []string `toml:"tags_include" example:"[\"device\"]" help:"Only the tags that match one of these. Global tags are not the input's and stay. Points\nthat no tag tells apart become one series."`
	TagsExclude   []string `toml:"tags_exclude" example:"[\"serial\"]" help:"But not the tags that match one of these."`
}

// Selection returns the lists of the config struct that embeds them.
func (l *Lists) Selection() *Lists { return l }

// All reports whether nothing is left out.
func (l *Lists) All() bool {
	return len(l.FieldsInclude)+len(l.FieldsExclude)+len(l.TagsInclude)+len(l.TagsExclude) == 0
}

// Apply takes out of p what is not selected. It reports whether a field is
// left: a point without one is none.
func (l *Lists) Apply(p *point.Point) bool {
	if len(l.TagsInclude)+len(l.TagsExclude) > 0 {
		p.Tags = slices.DeleteFunc(p.Tags, func(t point.Tag) bool { return !wanted(l.TagsInclude, l.TagsExclude, t.Key) })
	}
	if len(l.FieldsInclude)+len(l.FieldsExclude) > 0 {
		p.Fields = slices.DeleteFunc(p.Fields, func(f point.Field) bool { return !wanted(l.FieldsInclude, l.FieldsExclude, f.Key) })
	}
	return len(p.Fields) > 0
}

func wanted(include, exclude []string, key string) bool {
	matches := func(pattern string) bool { return Match(pattern, key) }
	return (len(include) == 0 || slices.ContainsFunc(include, matches)) && !slices.ContainsFunc(exclude, matches)
}

// Idle lists the patterns for fields that match none of those an input
// declares, which are mistakes of writing more often than not. Each error
// begins with its key.
func (l *Lists) Idle(spec []point.Measurement) (all []error) {
	for _, list := range []struct {
		key      string
		patterns []string
	}{{"fields_include", l.FieldsInclude}, {"fields_exclude", l.FieldsExclude}} {
		for _, pattern := range list.patterns {
			if !slices.ContainsFunc(spec, func(m point.Measurement) bool {
				return slices.ContainsFunc(m.Fields, func(f point.FieldSpec) bool { return Match(pattern, f.Key) })
			}) {
				all = append(all, fmt.Errorf("%s: %q matches no field of this input", list.key, pattern))
			}
		}
	}
	return all
}

// Match compares a text with a pattern: * stands for any text, ? for one
// byte. Unlike with paths, * also goes over slashes.
func Match(pattern, text string) bool {
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[i]):
			p++
			i++
		case star >= 0: // let the last star take one more
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
