package container

import (
	"fmt"
	"slices"
	"strings"

	"datakit.dev/agent/internal/point/selection"
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
	matches := func(r logRule) bool { return selection.Match(r.pattern, values[r.attribute]) }
	return !slices.ContainsFunc(r.exclude, matches) && (len(r.include) == 0 || slices.ContainsFunc(r.include, matches))
}
