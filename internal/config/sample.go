package config

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Sample writes the sample of an input from the struct it decodes into. cfg
// holds the defaults; the sample decodes to exactly these.
func Sample(input, help string, cfg any) string {
	var w sampler
	w.comment("", help)
	w.line("", "[[inputs.%s]]", input)
	w.table("inputs."+input, "  ", structOf(cfg))
	return w.text.String()
}

const mainHelp = `The main file of the agent. Copy it to datakit.conf and change what you need:
every key may be left out. 'datakit check' tells whether it is right, and
'datakit reload' applies it. Settings of the environment (ENV_…) beat this
file, flags of the command line beat both.`

// MainSample writes the sample of datakit.conf.
func MainSample() string {
	var w sampler
	w.comment("", mainHelp)
	w.table("", "", structOf(DefaultMain()))
	return w.text.String()
}

// sampler writes "##" before prose and "#" before what is not set.
type sampler struct{ text strings.Builder }

func (w *sampler) line(indent, format string, args ...any) {
	w.text.WriteString(strings.TrimRight(indent+fmt.Sprintf(format, args...), " ") + "\n")
}

func (w *sampler) comment(indent, help string) {
	if help == "" {
		return
	}
	for l := range strings.SplitSeq(help, "\n") {
		w.line(indent, "## %s", l)
	}
}

// table writes the plain keys first and the tables after them, as TOML wants.
func (w *sampler) table(path, indent string, v reflect.Value) {
	var tables []field
	for i, f := range fields(v) {
		switch {
		case isTable(f.value) || isTables(f.value) || f.value.Kind() == reflect.Map:
			tables = append(tables, f)
			continue
		case f.help != "" && (i > 0 || path == ""):
			w.line("", "")
		}
		w.comment(indent, f.help)
		switch {
		case f.needed:
			w.line(indent, "%s = %s", f.key, exampleOf(f))
			continue
		case f.example != "":
			w.line(indent, "# %s = %s", f.key, exampleOf(f))
			continue
		}
		w.setting(indent, f.key, f.value)
	}
	for _, f := range tables {
		at := dotted(path, f.key)
		w.line("", "")
		w.comment(indent, f.help)
		switch {
		case isTables(f.value):
			w.line(indent, "# [[%s]]", at)
			w.example(indent+"  ", reflect.New(f.value.Type().Elem()).Elem())
		case isTable(f.value):
			w.line(indent, "[%s]", at)
			w.table(at, indent+"  ", f.value)
		default:
			w.line(indent, "[%s]", at)
			entries := f.value.MapKeys()
			slices.SortFunc(entries, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
			for _, k := range entries {
				w.line(indent+"  ", "%s = %s", k.String(), literal(f.value.MapIndex(k)))
			}
			for l := range strings.SplitSeq(f.example, "\n") {
				if l != "" {
					w.line(indent+"  ", "# %s", l)
				}
			}
		}
	}
}

// example writes a table that is a comment as a whole.
func (w *sampler) example(indent string, v reflect.Value) {
	for _, f := range fields(v) {
		if isTable(f.value) {
			for _, inner := range fields(f.value) {
				w.comment(indent, inner.help)
				w.line(indent, "# %s.%s = %s", f.key, inner.key, exampleOf(inner))
			}
			continue
		}
		w.comment(indent, f.help)
		w.line(indent, "# %s = %s", f.key, exampleOf(f))
	}
}

// setting writes a key; a list that is not empty gets one line per element.
func (w *sampler) setting(indent, key string, v reflect.Value) {
	if v.Kind() != reflect.Slice || v.Len() == 0 {
		w.line(indent, "%s = %s", key, literal(v))
		return
	}
	w.line(indent, "%s = [", key)
	for i := range v.Len() {
		w.line(indent+"  ", "%s,", literal(v.Index(i)))
	}
	w.line(indent, "]")
}

// exampleOf is the example of a field as TOML. It is written in the tag as
// plain text where the key is text, and as TOML otherwise.
func exampleOf(f field) string {
	if f.example == "" {
		return literal(f.value)
	}
	if _, text := textual(f.value); text || f.value.Kind() == reflect.String || f.value.Type() == durationType {
		return quote(f.example)
	}
	return f.example
}

// literal writes a value as TOML, on one line.
func literal(v reflect.Value) string {
	if v.Type() == durationType {
		return quote(shortDuration(time.Duration(v.Int())))
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err == nil {
			return quote(string(text))
		}
	}
	switch v.Kind() {
	case reflect.String:
		return quote(v.String())
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = literal(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Float32, reflect.Float64:
		text := fmt.Sprint(v.Float())
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	}
	return fmt.Sprint(v.Interface())
}

// quote writes a basic string. What TOML escapes differently from Go does
// not occur in defaults and examples.
func quote(text string) string { return fmt.Sprintf("%q", text) }

// shortDuration leaves out the zero parts: "1m" rather than "1m0s".
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
