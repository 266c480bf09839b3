package config

import (
	"fmt"
	"slices"
	"strings"
)

// Enabled is what a list of default inputs means.
type Enabled struct {
	Names  []string // run with their defaults when they have no section
	Banned []string // do not run, wherever they are configured
}

// ParseEnabled reads the entries of default_enabled_inputs. One entry may
// hold several names, separated by spaces, as the environment variable allows.
// "-" alone is an empty list. A list with a "-name" bans these and enables
// nothing.
func ParseEnabled(entries []string) Enabled {
	var e Enabled
	for _, entry := range entries {
		for _, name := range strings.Fields(strings.ReplaceAll(entry, ",", " ")) {
			switch banned, isBan := strings.CutPrefix(name, "-"); {
			case isBan && banned == "":
			case isBan:
				e.Banned = append(e.Banned, banned)
			case !slices.Contains(e.Names, name):
				e.Names = append(e.Names, name)
			}
		}
	}
	if len(e.Banned) > 0 {
		e.Names = nil
	}
	return e
}

// Apply drops the sections of banned inputs and adds an empty section for
// each enabled input that has none. from says where the list stands.
func (e Enabled) Apply(sections []Section, from string) (kept []Section, banned []Section) {
	has := map[string]bool{}
	for _, s := range sections {
		if slices.Contains(e.Banned, s.Input) {
			banned = append(banned, s)
			continue
		}
		has[s.Input] = true
		kept = append(kept, s)
	}
	for _, name := range e.Names {
		if !has[name] {
			kept = append(kept, Section{Input: name, File: from})
		}
	}
	return kept, banned
}

// Known keeps the sections of the inputs in names. Others are mistakes, or
// warnings when DataKit has an input of that name.
func Known(sections []Section, names []string) (kept []Section, warnings, mistakes []error) {
	for _, s := range sections {
		switch {
		case slices.Contains(names, s.Input):
			kept = append(kept, s)
		case slices.Contains(LaterInputs(), s.Input):
			warnings = append(warnings, &Error{File: s.File, Line: s.Line, Key: "inputs." + s.Input, Msg: "this input is not supported and does not run"})
		default:
			mistakes = append(mistakes, &Error{File: s.File, Line: s.Line, Key: "inputs." + s.Input, Msg: "unknown input" + suggest(s.Input, names)})
		}
	}
	return kept, warnings, mistakes
}

// Single keeps the first section of every input that may run only once;
// another is a mistake that names both places.
func Single(sections []Section, singleton func(input string) bool) (kept []Section, mistakes []error) {
	first := map[string]Section{}
	for _, s := range sections {
		if was, again := first[s.Input]; again && singleton(s.Input) {
			mistakes = append(mistakes, &Error{
				File: s.File, Line: s.Line, Key: "inputs." + s.Input,
				Msg: fmt.Sprintf("may appear only once; it is already configured at %s", was.Place()),
			})
			continue
		} else if !again {
			first[s.Input] = s
		}
		kept = append(kept, s)
	}
	return kept, mistakes
}
