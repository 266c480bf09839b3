package dataway

import (
	"net/url"
	"slices"
	"strings"
)

// redacted stands for a secret in errors and samples.
const redacted = "[redacted]"

// shortestSecret is the shortest text that is removed: anything shorter would
// tear holes into harmless text.
const shortestSecret = 4

// redactor removes secrets from text that leaves the package.
type redactor struct{ replacer *strings.Replacer }

func newRedactor(secrets ...string) redactor {
	var pairs []string
	for _, s := range secrets {
		for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s)} {
			if len(form) >= shortestSecret && !slices.Contains(pairs, form) {
				pairs = append(pairs, form, redacted)
			}
		}
	}
	return redactor{strings.NewReplacer(pairs...)}
}

func (r redactor) text(s string) string { return r.replacer.Replace(s) }

// error returns err, or, where its text holds a secret, an error without it
// that still wraps err.
func (r redactor) error(err error) error {
	text := err.Error()
	if clean := r.text(text); clean != text {
		return &redactedError{clean, err}
	}
	return err
}

type redactedError struct {
	text string
	err  error
}

func (e *redactedError) Error() string { return e.text }
func (e *redactedError) Unwrap() error { return e.err }
