package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Error is one mistake in the configuration: where it is and what is allowed.
type Error struct {
	File string `json:"file,omitempty"` // path, or the name of an environment variable
	Line int    `json:"line,omitempty"` // from 1; 0 when there is none
	Key  string `json:"key,omitempty"`  // dotted path
	Msg  string `json:"message"`
}

// Error returns "file:line: key: message", without what is not known.
func (e *Error) Error() string {
	place := e.File
	if e.Line > 0 {
		place += fmt.Sprintf(":%d", e.Line)
	}
	var parts []string
	for _, part := range []string{place, e.Key, e.Msg} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

func (e *Error) samePlace(o *Error) bool {
	return e.File == o.File && e.Line == o.Line && e.Key == o.Key
}

// Flatten takes joined errors apart, so that each can be shown on its own.
func Flatten(err error) []error {
	if err == nil {
		return nil
	}
	var many interface{ Unwrap() []error }
	if !errors.As(err, &many) {
		return []error{err}
	}
	var flat []error
	for _, e := range many.Unwrap() {
		flat = append(flat, Flatten(e)...)
	}
	return flat
}

// join orders mistakes by line and makes one error of them.
func join(mistakes []*Error) error {
	slices.SortStableFunc(mistakes, func(a, b *Error) int { return cmp.Compare(a.Line, b.Line) })
	var all []error
	for _, m := range mistakes {
		all = append(all, m)
	}
	return errors.Join(all...)
}
