package inputs

import (
	"fmt"
	"regexp"
)

// Patterns are regular expressions of which one has to match. None stand for
// all names.
type Patterns []*regexp.Regexp

// CompilePatterns reads the values of a key. The error begins with the key.
func CompilePatterns(key string, values []string) (Patterns, error) {
	var all Patterns
	for _, v := range values {
		re, err := regexp.Compile(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		all = append(all, re)
	}
	return all, nil
}

// Match reports whether a name is among those meant.
func (p Patterns) Match(name string) bool {
	for _, re := range p {
		if re.MatchString(name) {
			return true
		}
	}
	return len(p) == 0
}
