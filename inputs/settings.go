package inputs

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"datakit.dev/agent/internal/point"
)

// ExtraTags returns the tags of the key tags, which many inputs have, in the
// order of their keys, behind the tags given. The result is a new slice each
// time: a sink owns what it is fed.
func ExtraTags(extra map[string]string, own ...point.Tag) []point.Tag {
	all := make([]point.Tag, 0, len(own)+len(extra))
	all = append(all, own...)
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		if !slices.ContainsFunc(own, func(t point.Tag) bool { return t.Key == key }) {
			all = append(all, point.Tag{Key: key, Value: extra[key]})
		}
	}
	return all
}

// CheckInterval is for Validate of a config struct: it refuses what is
// shorter than least. The error begins with the key.
func CheckInterval(key string, d, least time.Duration) error {
	if d < least {
		return fmt.Errorf("%s: %s is shorter than %s", key, d, least)
	}
	return nil
}
