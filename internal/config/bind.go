package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

// binder moves parsed TOML into a struct and collects every mistake.
type binder struct {
	file     string
	lines    positions
	ignored  func(path string) bool // keys that are known but have no field
	skipped  []*Error               // where they were
	mistakes []*Error
}

func (b *binder) fail(path, format string, args ...any) {
	b.mistakes = append(b.mistakes, &Error{File: b.file, Line: b.lines.line(path), Key: bare(path), Msg: fmt.Sprintf(format, args...)})
}

// bare is path without the index of a table, which people do not write.
func bare(path string) string {
	var out strings.Builder
	for part := range strings.SplitSeq(path, "[") {
		if _, after, ok := strings.Cut(part, "]"); ok && out.Len() > 0 {
			part = after
		}
		out.WriteString(part)
	}
	return out.String()
}

// table binds the keys of a table to the fields of a struct.
func (b *binder) table(path string, values map[string]any, into reflect.Value) {
	known := fields(into)
	for key, value := range values {
		at := dotted(path, key)
		i := slices.IndexFunc(known, func(f field) bool { return f.key == key })
		switch {
		case i >= 0:
			b.value(at, value, known[i].value)
		case b.ignored != nil && b.ignored(at):
			b.skipped = append(b.skipped, &Error{File: b.file, Line: b.lines.line(at), Key: bare(at), Msg: "is not supported and has no effect"})
		case isMap(value) && rest(into).IsValid():
			b.keep(key, value, rest(into))
		default:
			b.fail(at, "unknown key%s", suggest(key, keys(known)))
		}
	}
}

func isMap(value any) bool { _, ok := value.(map[string]any); return ok }

// keep puts a table aside as it is.
func (b *binder) keep(key string, table any, into reflect.Value) {
	if into.IsNil() {
		into.Set(reflect.MakeMap(into.Type()))
	}
	into.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(table))
}

// value binds one value. Lists and maps of the file replace the default.
func (b *binder) value(path string, value any, into reflect.Value) {
	if text, ok := textual(into); ok {
		b.text(path, value, text.UnmarshalText)
		return
	}
	if into.Type() == durationType {
		b.text(path, value, func(t []byte) error {
			d, err := parseDuration(string(t))
			into.SetInt(int64(d))
			return err
		})
		return
	}
	switch into.Kind() {
	case reflect.String:
		if s, ok := value.(string); ok {
			into.SetString(s)
			return
		}
		b.fail(path, "%s is not text; write it in quotes", show(value))
	case reflect.Bool:
		if v, ok := value.(bool); ok {
			into.SetBool(v)
			return
		}
		b.fail(path, "%s is not true or false", show(value))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n, ok := value.(int64); ok && !into.OverflowInt(n) {
			into.SetInt(n)
			return
		}
		b.fail(path, "%s is not a whole number%s", show(value), bounds(into))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n, ok := value.(int64); ok && n >= 0 && !into.OverflowUint(uint64(n)) {
			into.SetUint(uint64(n))
			return
		}
		b.fail(path, "%s is not a whole number%s", show(value), bounds(into))
	case reflect.Float32, reflect.Float64:
		switch n := value.(type) {
		case float64:
			into.SetFloat(n)
		case int64:
			into.SetFloat(float64(n))
		default:
			b.fail(path, "%s is not a number", show(value))
		}
	case reflect.Pointer:
		fresh := reflect.New(into.Type().Elem())
		b.value(path, value, fresh.Elem())
		into.Set(fresh)
	case reflect.Struct:
		if t, ok := value.(map[string]any); ok {
			b.table(path, t, into)
			return
		}
		b.fail(path, "%s is not a table; write [%s]", show(value), bare(path))
	case reflect.Slice:
		b.list(path, value, into)
	case reflect.Map:
		b.mapping(path, value, into)
	case reflect.Interface: // handed on as it is, to whoever knows its form
		into.Set(reflect.ValueOf(value))
	default:
		panic(fmt.Sprintf("config: key %s has the type %s, which has no form in TOML", path, into.Type()))
	}
}

func (b *binder) text(path string, value any, set func([]byte) error) {
	s, ok := value.(string)
	if !ok {
		s = show(value)
	}
	if err := set([]byte(s)); err != nil {
		b.fail(path, "%v", err)
	}
}

func (b *binder) list(path string, value any, into reflect.Value) {
	var elements []any
	switch v := value.(type) {
	case []any:
		elements = v
	case []map[string]any:
		for _, t := range v {
			elements = append(elements, t)
		}
	default:
		b.fail(path, "%s is not a list; write [ … ]", show(value))
		return
	}
	list := reflect.MakeSlice(into.Type(), len(elements), len(elements))
	for i, e := range elements {
		b.value(fmt.Sprintf("%s[%d]", path, i), e, list.Index(i))
	}
	into.Set(list)
}

func (b *binder) mapping(path string, value any, into reflect.Value) {
	table, ok := value.(map[string]any)
	if !ok {
		b.fail(path, "%s is not a table; write [%s]", show(value), bare(path))
		return
	}
	m := reflect.MakeMap(into.Type())
	for k, v := range table {
		element := reflect.New(into.Type().Elem()).Elem()
		b.value(dotted(path, k), v, element)
		m.SetMapIndex(reflect.ValueOf(k).Convert(into.Type().Key()), element)
	}
	into.Set(m)
}

// bounds says which whole numbers a type holds, where that is not obvious.
func bounds(v reflect.Value) string {
	switch bits := v.Type().Bits(); {
	case v.CanUint() && bits < 64:
		return fmt.Sprintf(" from 0 to %d", uint64(math.MaxUint64)>>(64-bits))
	case v.CanUint():
		return " from 0"
	case bits < 64:
		return fmt.Sprintf(" from %d to %d", -(int64(1) << (bits - 1)), int64(1)<<(bits-1)-1)
	}
	return ""
}

// show writes a value of a file as the user wrote it, roughly.
func show(value any) string {
	switch v := value.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case map[string]any:
		return "a table"
	case []any, []map[string]any:
		return "a list"
	}
	return fmt.Sprint(value)
}

func parseDuration(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration; write it like \"10s\" or \"1m30s\"", text)
	}
	return d, nil
}
