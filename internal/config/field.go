package config

import (
	"encoding"
	"reflect"
	"strings"
	"time"
)

// field is one key of a configuration struct.
type field struct {
	key     string
	help    string
	example string
	env     string // the tag
	needed  bool   // has no default: the sample sets it to the example
	value   reflect.Value
}

var durationType = reflect.TypeFor[time.Duration]()

// fields lists the keys of a struct in the order of their declaration; those
// of an embedded struct are its own.
func fields(v reflect.Value) []field {
	var all []field
	for i := range v.NumField() {
		if v.Type().Field(i).Anonymous {
			all = append(all, fields(v.Field(i))...)
			continue
		}
		tag := v.Type().Field(i).Tag
		key, _, _ := strings.Cut(tag.Get("toml"), ",")
		if key == "" || key == "-" || key == anyTable {
			continue
		}
		all = append(all, field{
			key: key, help: tag.Get("help"), example: tag.Get("example"), env: tag.Get("env"),
			needed: tag.Get("required") == "true", value: v.Field(i),
		})
	}
	return all
}

// anyTable is the key of a field, map[string]any, that takes all tables which
// have no field: tables that someone else understands, such as a plugin.
const anyTable = "*"

// rest returns that field; the zero Value when there is none.
func rest(v reflect.Value) reflect.Value {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("toml") == anyTable {
			return v.Field(i)
		}
	}
	return reflect.Value{}
}

func keys(all []field) []string {
	var names []string
	for _, f := range all {
		names = append(names, f.key)
	}
	return names
}

// textual returns the decoder of a type that is written as text.
func textual(v reflect.Value) (encoding.TextUnmarshaler, bool) {
	if !v.CanAddr() {
		return nil, false
	}
	u, ok := v.Addr().Interface().(encoding.TextUnmarshaler)
	return u, ok
}

// isTable reports whether a field is a nested struct with keys of its own.
func isTable(v reflect.Value) bool {
	_, text := textual(v)
	return v.Kind() == reflect.Struct && !text
}

// isTables reports whether a field is a list of tables, [[key]].
func isTables(v reflect.Value) bool {
	return v.Kind() == reflect.Slice && isTable(reflect.New(v.Type().Elem()).Elem())
}

// structOf returns the struct that cfg, a pointer, points to.
func structOf(cfg any) reflect.Value { return reflect.Indirect(reflect.ValueOf(cfg)) }
