package filter

import (
	"strconv"
	"strings"
)

// Env returns the names that a program made by [Program.Expr] uses, with
// their values of e: the keys of the vocabulary and the functions.
func (v Vocabulary[E]) Env(e *E) map[string]any {
	env := map[string]any{
		"ipnet_contains": contains,
		"has_prefix":     strings.HasPrefix,
		"has_suffix":     strings.HasSuffix,
	}
	for _, k := range v {
		switch {
		case k.Bool != nil:
			env[k.Name] = k.Bool(e)
		case k.Int != nil:
			env[k.Name] = int(k.Int(e))
		case k.Str != nil:
			env[k.Name] = k.Str(e)
		default:
			text := ""
			if addr := k.Addr(e); addr.IsValid() {
				text = addr.String()
			}
			env[k.Name] = text
		}
	}
	return env
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
