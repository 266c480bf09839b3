package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Section is one block [[inputs.<name>]] of a file, as text: no input is
// known here, and an external program can be handed its block verbatim.
type Section struct {
	Input string // the name
	File  string // where it comes from: a path, or the name of an environment variable
	Line  int    // of the header; 0 when the section was not written by anyone
	Text  string // the block with its header and its own tables; its first line is Line
}

// Place is "file:line", for messages.
func (s Section) Place() string {
	if s.Line == 0 {
		return s.File
	}
	return fmt.Sprintf("%s:%d", s.File, s.Line)
}

// Mistake is what is wrong with a key of the section, or with the section when
// key is empty, found after decoding.
func (s Section) Mistake(key, msg string) *Error {
	path := "inputs." + s.Input
	if key == "" {
		return &Error{File: s.File, Line: s.Line, Key: path, Msg: msg}
	}
	lines, line := locate(s.Text), s.Line
	for _, at := range []string{path + "[0]." + key, path + "." + key} {
		if n := lines[at]; n > 0 {
			line = n + max(s.Line, 1) - 1
		}
	}
	return &Error{File: s.File, Line: line, Key: path + "." + key, Msg: msg}
}

// Decode fills cfg, a pointer to a struct that holds the defaults, from the
// section, then from the variables ENV_INPUT_<NAME>_*, and validates it. The
// error joins all mistakes; each is an [*Error].
func (s Section) Decode(cfg any, env Lookup) error {
	doc, mistake := parse(s.File, s.Text, s.Line)
	if mistake != nil {
		return mistake
	}
	b := &binder{file: s.File, lines: locate(s.Text)}
	for path, line := range b.lines {
		b.lines[path] = line + max(s.Line, 1) - 1
	}
	path := "inputs." + s.Input
	if s.Text != "" {
		inputs, _ := doc["inputs"].(map[string]any)
		values, single := inputs[s.Input].(map[string]any)
		if list, ok := inputs[s.Input].([]map[string]any); ok && len(list) == 1 {
			values, single = list[0], true
			path += "[0]"
		}
		if !single {
			return &Error{File: s.File, Line: s.Line, Key: path, Msg: "is not one table"}
		}
		b.table(path, values, structOf(cfg))
	}
	return b.finish(path, cfg, overlay(structOf(cfg), EnvPrefix(s.Input), env))
}

// finish adds the mistakes of the environment and of Validate. A value that
// could not be bound is still the default, so what Validate says of its key is
// left out.
func (b *binder) finish(path string, cfg any, over overlaid) error {
	b.mistakes = append(b.mistakes, over.mistakes...)
	v, ok := cfg.(interface{ Validate() error })
	if !ok {
		return join(b.mistakes)
	}
	known := len(b.mistakes)
	for _, err := range Flatten(v.Validate()) {
		key, msg, found := strings.Cut(err.Error(), ": ")
		at := dotted(path, key)
		switch {
		case found && over.names[key] != "":
			b.mistakes = append(b.mistakes, &Error{File: over.names[key], Msg: msg})
		case found && hasKey(structOf(cfg), key):
			b.fail(at, "%s", msg)
		default:
			b.fail(path, "%v", err)
		}
		last := len(b.mistakes) - 1
		if m := b.mistakes[last]; slices.ContainsFunc(b.mistakes[:known], m.samePlace) {
			b.mistakes = b.mistakes[:last]
		}
	}
	return join(b.mistakes)
}

// hasKey reports whether key, dotted, is one of the struct.
func hasKey(v reflect.Value, key string) bool {
	first, rest, nested := strings.Cut(key, ".")
	first, _, _ = strings.Cut(first, "[")
	for _, f := range fields(v) {
		if f.key == first {
			return !nested || !isTable(f.value) || hasKey(f.value, rest)
		}
	}
	return false
}

// parse reads TOML. first is the number of the first line.
func parse(file, text string, first int) (map[string]any, *Error) {
	var doc map[string]any
	_, err := toml.Decode(text, &doc)
	if err == nil {
		return doc, nil
	}
	mistake := &Error{File: file, Msg: err.Error()}
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		mistake.Line, mistake.Msg = syntax.Position.Line+max(first, 1)-1, syntax.Message
		if mistake.Msg == "" {
			mistake.Msg = strings.TrimPrefix(syntax.Error(), "toml: ")
		}
	}
	return nil, mistake
}
