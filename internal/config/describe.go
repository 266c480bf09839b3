package config

import (
	"reflect"
	"strings"
)

// Key describes one key of a configuration struct, for the reference.
type Key struct {
	Path    string // dotted; "backends[].url" in a list of tables
	Type    string // "text", "number", "duration", "list of text", …
	Default string // as TOML; "" for none
	Env     string // variables that set it, the first wins
	Help    string
}

// Describe lists the keys of cfg, a pointer to a struct that holds the
// defaults, in the order of their declaration.
func Describe(cfg any, prefix string) []Key { return describe(structOf(cfg), "", prefix, false) }

func describe(v reflect.Value, path, prefix string, noEnv bool) (all []Key) {
	for _, f := range fields(v) {
		at := dotted(path, f.key)
		switch {
		case isTables(f.value):
			all = append(all, Key{Path: at, Type: "list of tables", Help: f.help})
			all = append(all, describe(reflect.New(f.value.Type().Elem()).Elem(), at+"[]", prefix, true)...)
		case isTable(f.value):
			all = append(all, describe(f.value, at, prefix, noEnv)...)
		default:
			k := Key{Path: at, Type: typeName(f.value), Help: f.help}
			if !f.value.IsZero() && f.value.Kind() != reflect.Map {
				k.Default = literal(f.value)
			}
			if !noEnv && f.env != "-" {
				k.Env = strings.Join(envNames(f.env, at, prefix), ", ")
			}
			all = append(all, k)
		}
	}
	return all
}

func typeName(v reflect.Value) string {
	if v.Type() == durationType {
		return "duration"
	}
	if _, ok := v.Addr().Interface().(*Size); ok {
		return "size"
	}
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "list of " + typeName(reflect.New(v.Type().Elem()).Elem())
	case reflect.Map:
		return "table"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return "number"
	}
	return "text"
}
