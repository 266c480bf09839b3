package config

import (
	"reflect"
	"strings"
)

// EnvPrefix is what the variables of an input begin with, ENV_INPUT_<NAME>_.
func EnvPrefix(input string) string { return "ENV_INPUT_" + envName(input) + "_" }

func envName(key string) string {
	return strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(key))
}

// overlaid is the result of laying the environment over a struct.
type overlaid struct {
	names    map[string]string // variable that set a key, by dotted key
	mistakes []*Error          // unparsable values
}

// overlay sets every key whose variable exists.
func overlay(v reflect.Value, prefix string, env Lookup) overlaid {
	o := overlaid{names: map[string]string{}}
	walkEnv(v, "", prefix, func(f envField) {
		for _, name := range f.names {
			value, ok := env(name)
			if !ok {
				continue
			}
			if err := setText(f.value, unquote(strings.TrimSpace(value))); err != nil {
				o.mistakes = append(o.mistakes, &Error{File: name, Msg: err.Error()})
			}
			o.names[f.path] = name
			return
		}
	})
	return o
}

// flags sets the keys that the command line names, "key=value".
func (o *overlaid) flags(v reflect.Value, assignments []string) {
	byPath := map[string]reflect.Value{}
	var known []string
	walkEnv(v, "", "", func(f envField) {
		byPath[f.path] = f.value
		known = append(known, f.path)
	})
	for _, a := range assignments {
		key, text, ok := strings.Cut(a, "=")
		field, exists := byPath[key]
		flag := "--set " + key
		switch {
		case !ok:
			o.mistakes = append(o.mistakes, &Error{File: flag, Msg: "has no value; write --set key=value"})
			continue
		case !exists:
			o.mistakes = append(o.mistakes, &Error{File: flag, Msg: "unknown key" + suggest(key, known)})
			continue
		}
		if err := setText(field, text); err != nil {
			o.mistakes = append(o.mistakes, &Error{File: flag, Msg: err.Error()})
		}
		o.names[key] = flag
	}
}

// envField is a key that the environment can set.
type envField struct {
	path  string
	names []string // the first that exists wins
	value reflect.Value
}

// walkEnv visits the keys of a struct and of its tables, but not lists of
// tables, for which one variable cannot stand.
func walkEnv(v reflect.Value, path, prefix string, visit func(envField)) {
	for _, f := range fields(v) {
		at := dotted(path, f.key)
		switch {
		case f.env == "-" || isTables(f.value):
		case isTable(f.value):
			walkEnv(f.value, at, prefix, visit)
		default:
			visit(envField{path: at, names: envNames(f.env, at, prefix), value: f.value})
		}
	}
}

func envNames(tag, path, prefix string) []string {
	if tag == "" {
		return []string{prefix + envName(path)}
	}
	var names []string
	for name := range strings.SplitSeq(tag, ",") {
		if !strings.HasPrefix(name, "ENV_") {
			name = prefix + name
		}
		names = append(names, name)
	}
	return names
}
