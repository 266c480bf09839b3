package point

import (
	"math"
	"strings"
	"unicode/utf8"
)

// conform returns p as the point rules of category c want it, and tells warn
// about every change. It is the slow path: [AppendLine] and [Scanner] come
// here only with a point that breaks a rule. p itself and the memory it
// refers to stay unchanged. Applied to its own result it changes nothing.
//
// A point without fields is left when no field is fit to be encoded.
func conform(p Point, c Category, warn Warn) Point {
	f := conformer{rules: rulesOf(c), warn: warn, seen: make(map[string]struct{}, len(p.Tags)+len(p.Fields))}
	return Point{Measurement: f.name(p.Measurement), Tags: f.tags(p.Tags), Fields: f.fields(p.Fields), Time: p.Time}
}

type conformer struct {
	*rules
	warn Warn
	seen map[string]struct{} // keys of the tags and fields kept so far
}

func (f *conformer) name(name string) string {
	clean := f.text(name, WarnName, "measurement")
	if len(clean) > MaxName {
		f.warn.emit(WarnMaxName, "measurement of %d bytes is cut to %d", len(clean), MaxName)
		clean = f.text(cut(clean, MaxName), WarnName, "measurement")
	}
	if strings.HasPrefix(clean, "#") {
		// Nothing escapes it, and a line that begins with it is a comment.
		f.warn.emit(WarnName, "measurement %q begins with '#', which is replaced", clean)
		clean = "_" + clean[1:]
	}
	if clean == "" {
		f.warn.emit(WarnName, "measurement is empty, %q is used", defaultName)
		return defaultName
	}
	return clean
}

func (f *conformer) tags(in []Tag) []Tag {
	out := make([]Tag, 0, min(len(in), MaxTags))
	for i, t := range in {
		if t.Value == "" {
			continue
		}
		if len(out) == MaxTags {
			f.warn.emit(WarnMaxTags, "%d tags, at most %d are kept", len(in), MaxTags)
			break
		}
		key, ok := f.key(t.Key, "tag", WarnTagKey)
		if !ok {
			continue
		}
		value := f.text(t.Value, WarnTagValue, "value of tag "+key)
		if len(value) > MaxTagValue {
			f.warn.emit(WarnMaxTagValue, "value of tag %q has %d bytes, cut to %d", key, len(value), MaxTagValue)
			value = f.text(cut(value, MaxTagValue), WarnTagValue, "value of tag "+key)
		}
		if value == "" {
			f.warn.emit(WarnTagValue, "tag %q (number %d) has nothing left of its value", key, i+1)
			continue
		}
		f.seen[key] = struct{}{}
		out = append(out, Tag{Key: key, Value: value})
	}
	return out
}

func (f *conformer) fields(in []Field) []Field {
	out := make([]Field, 0, min(len(in)+1, MaxFields))
	for _, field := range in {
		if len(out) == MaxFields {
			f.warn.emit(WarnMaxFields, "%d fields, at most %d are kept", len(in), MaxFields)
			break
		}
		value, ok := f.value(field)
		if !ok {
			continue
		}
		key, ok := f.key(field.Key, "field", WarnFieldKey)
		if !ok {
			continue
		}
		f.seen[key] = struct{}{}
		out = append(out, Field{Key: key, Value: value})
	}
	if f.required.name == "" {
		return out
	}
	if _, ok := f.seen[f.required.name]; !ok {
		if len(out) == MaxFields {
			out = out[:MaxFields-1]
		}
		out = append(out, Field{Key: f.required.name, Value: String(f.fallback)})
	}
	return out
}

// key makes a key fit and reports whether it is to be kept.
func (f *conformer) key(key, what string, bad WarningType) (string, bool) {
	clean := f.text(key, bad, what+" key")
	if f.noDots && strings.Contains(clean, ".") {
		f.warn.emit(WarnDot, "dots of %s key %q are replaced by '_'", what, clean)
		clean = strings.ReplaceAll(clean, ".", "_")
	}
	if len(clean) > MaxKey {
		f.warn.emit(WarnMaxKey, "%s key of %d bytes is cut to %d", what, len(clean), MaxKey)
		clean = f.text(cut(clean, MaxKey), bad, what+" key")
	}
	if clean == "" {
		f.warn.emit(bad, "%s key is empty, the %s is dropped", what, what)
		return "", false
	}
	for _, d := range f.disabled {
		if clean == d.name {
			f.warn.emit(WarnDisabled, "%s %q is not allowed in this category and dropped", what, clean)
			return "", false
		}
	}
	if _, dup := f.seen[clean]; dup {
		f.warn.emit(WarnConflict, "%s %q has the name of an earlier key and is dropped", what, clean)
		return "", false
	}
	return clean, true
}

func (f *conformer) value(field Field) (Value, bool) {
	switch v := field.Value; v.Kind() {
	case KindFloat:
		return f.float(field.Key, v.AsFloat())
	case KindString:
		if f.noStrings {
			f.warn.emit(WarnFieldType, "field %q is a string, which this category does not have; it is dropped", field.Key)
			return v, false
		}
		s := v.AsString()
		if !utf8.ValidString(s) {
			f.warn.emit(WarnFieldValue, "value of field %q is not UTF-8, bad bytes are replaced", field.Key)
			s = strings.ToValidUTF8(s, "\uFFFD")
		}
		if len(s) > MaxFieldValue {
			f.warn.emit(WarnMaxFieldValue, "value of field %q has %d bytes, cut to %d", field.Key, len(s), MaxFieldValue)
			s = cut(s, MaxFieldValue)
		}
		return String(s), true
	case KindInt, KindUint, KindBool:
		return v, true
	default:
		f.warn.emit(WarnNilField, "field %q has no value and is dropped", field.Key)
		return v, false
	}
}

func (f *conformer) float(key string, v float64) (Value, bool) {
	switch {
	case math.IsNaN(v):
		f.warn.emit(WarnNaN, "field %q is not a number and is dropped", key)
		return Value{}, false
	case math.IsInf(v, 1):
		f.warn.emit(WarnFieldValue, "field %q is +Inf, the largest uint64 is used", key)
		return Float(math.MaxUint64), true
	case math.IsInf(v, -1):
		f.warn.emit(WarnFieldValue, "field %q is -Inf, the smallest int64 is used", key)
		return Float(math.MinInt64), true
	default:
		return Float(v), true
	}
}

// text makes a measurement, key or tag value representable: line protocol
// has no escape for a line break, and a backslash at the end would escape the
// separator after it. Other control characters and bytes that are not UTF-8
// are refused by the reference decoder, so they are replaced as well.
func (f *conformer) text(s string, bad WarningType, what string) string {
	if !utf8.ValidString(s) {
		f.warn.emit(bad, "%s %q is not UTF-8, bad bytes are replaced", what, cut(s, 64))
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	if i := strings.IndexFunc(s, isControl); i >= 0 || strings.HasSuffix(s, `\`) {
		f.warn.emit(WarnNewline, "%s %q has control characters or a backslash at its end, which are replaced or cut", what, cut(s, 64))
		s = strings.Map(func(r rune) rune {
			if isControl(r) {
				return ' '
			}
			return r
		}, s)
		s = strings.TrimRight(s, `\`)
	}
	return s
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// cut shortens s to at most n bytes without splitting a UTF-8 sequence.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
