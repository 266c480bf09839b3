package config

import (
	"regexp"
	"strings"
)

var variable = regexp.MustCompile(`\$(\w+|\{\w+\})`)

// prepare turns the bytes of a file into TOML: it strips the byte order mark
// and replaces $VAR and ${VAR} where the variable exists. What does not exist
// stays as it is, so that "$datakit_hostname" or a regular expression survive.
func prepare(raw string, env Lookup) string {
	text := strings.TrimPrefix(raw, "\ufeff")
	return variable.ReplaceAllStringFunc(text, func(match string) string {
		if value, ok := env(strings.Trim(match, "${}")); ok {
			return value
		}
		return match
	})
}
