package container

import (
	"fmt"
	"slices"
	"strings"

	"datakit.dev/agent/plugins/container/runtimes"
)

// logRules say which containers' logs are collected.
type logRules struct{ include, exclude []logRule }

// logRule is "attribute:pattern".
type logRule struct{ attribute, pattern string }

// attributes of a container that rules look at.
var attributes = []string{"image", "image_name", "image_short_name", "container_name", "pod_name", "namespace"}

func parseRules(include, exclude []string) (r logRules, err error) {
	for _, list := range []struct {
		key  string
		text []string
		to   *[]logRule
	}{{"container_include_log", include, &r.include}, {"container_exclude_log", exclude, &r.exclude}} {
		for _, text := range list.text {
			attribute, pattern, ok := strings.Cut(text, ":")
			if attribute = strings.TrimSpace(attribute); !ok || !slices.Contains(attributes, attribute) {
				return r, fmt.Errorf("%s: %q is not of the form attribute:pattern with one of %s", list.key, text, strings.Join(attributes, ", "))
			}
			*list.to = append(*list.to, logRule{attribute, strings.TrimSpace(pattern)})
		}
	}
	return r, nil
}

// want reports whether the log of c is collected.
func (r logRules) want(c runtimes.Container) bool {
	name, short, _ := runtimes.ImageParts(c.Image)
	values := map[string]string{
		"image": c.Image, "image_name": name, "image_short_name": short,
		"container_name": c.Name, "pod_name": c.PodName, "namespace": c.PodNamespace,
	}
	matches := func(r logRule) bool { return match(r.pattern, values[r.attribute]) }
	return !slices.ContainsFunc(r.exclude, matches) && (len(r.include) == 0 || slices.ContainsFunc(r.include, matches))
}

// match compares a text with a pattern: * stands for any text, ? for one
// byte. Unlike with paths, * also goes over slashes.
func match(pattern, text string) bool {
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
