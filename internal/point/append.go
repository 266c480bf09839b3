package point

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// AppendLine appends p to dst as one line of line protocol with a nanosecond
// timestamp (none when p.Time is 0) and a newline, and adds those of the
// global tags whose key p does not have.
//
// The point rules of category c are applied (see conform); each change is
// told to warn. It returns dst unchanged and false when no field of p can be
// encoded. p is not modified. Without a broken rule nothing is allocated
// beyond the growth of dst. An [Encoder] is faster for many points.
func AppendLine(dst []byte, p *Point, c Category, global *TagSet, warn Warn) ([]byte, bool) {
	return appendLine(dst, p, c, global, warn, nil)
}

func appendLine(dst []byte, p *Point, c Category, global *TagSet, warn Warn, last *shape) ([]byte, bool) {
	start := len(dst)
	e := lineEncoder{rules: rulesOf(c), dst: dst, global: global, last: last}
	if e.line(p) {
		return e.dst, true
	}
	fit := conform(*p, c, warn)
	if len(fit.Fields) == 0 {
		warn.emit(WarnNoFields, "point of measurement %q has no field left and is dropped", fit.Measurement)
		return dst[:start], false
	}
	e = lineEncoder{rules: rulesOf(c), dst: e.dst[:start], global: global}
	if !e.line(&fit) {
		panic("point: a conforming point breaks a rule") // covered by the fuzz tests of AppendLine
	}
	return e.dst, true
}

// lineEncoder writes one line on the assumption that the point obeys the
// rules, and gives up when it sees that it does not.
type lineEncoder struct {
	*rules
	dst    []byte
	global *TagSet
	last   *shape // of an earlier point; nil when there is none to remember
	keys   bitmap // fingerprints of the keys
}

// slack is what is written behind or between the texts of a tag or a field:
// separators, a number, the rest of a word.
const slack = 48

// line reports false as soon as p breaks a rule; dst is then left with a part
// of the line.
func (e *lineEncoder) line(p *Point) bool {
	if len(p.Tags) > MaxTags || len(p.Fields) > MaxFields || len(p.Fields) == 0 ||
		p.Measurement == "" || len(p.Measurement) > MaxName || p.Measurement[0] == '#' {
		return false
	}
	if !e.name(p.Measurement) {
		return false
	}
	if e.last.fits(p) {
		return e.again(p) && e.time(p.Time)
	}
	for i := range p.Tags {
		if t := &p.Tags[i]; t.Value != "" && !e.tag(t, p.Tags[:i]) {
			return false
		}
	}
	afterTags := len(e.dst)
	separator := byte(' ')
	for i := range p.Fields {
		if !e.field(&p.Fields[i], separator, p, i) {
			return false
		}
		separator = ','
	}
	if !e.allowed(p) {
		return false
	}
	added := e.insertGlobal(afterTags, p)
	if e.last != nil {
		e.last.remember(p, e.rules, e.global, added)
	}
	return e.time(p.Time)
}

// again writes the tags and fields of a point whose keys are those of the
// last one.
func (e *lineEncoder) again(p *Point) bool {
	line := e.dst
	for i := range p.Tags {
		v := p.Tags[i].Value
		if v == "" {
			continue
		}
		if len(v) > MaxTagValue {
			return false
		}
		label := e.last.label(i)
		line = slices.Grow(line, len(label)+len(v)+slack)
		n := len(line) + len(label)
		copy(line[len(line):n], label)
		if _, plain := copyPlain(line[n:cap(line)], v); plain {
			line = line[:n+len(v)]
			continue
		}
		if !representable(v) {
			return false
		}
		line = appendToken(line[:n], v, "")
	}
	e.dst = append(line, e.last.global...)
	for i := range p.Fields {
		e.dst = append(e.dst, e.last.label(len(p.Tags)+i)...)
		if !e.value(&p.Fields[i].Value) {
			return false
		}
	}
	return true
}

// time ends the line.
func (e *lineEncoder) time(t int64) bool {
	if t != 0 {
		e.dst = append(e.dst, ' ')
		e.dst = strconv.AppendInt(e.dst, t, 10)
	}
	e.dst = append(e.dst, '\n')
	return true
}

// tag writes ",key=value" behind the tags before it.
func (e *lineEncoder) tag(t *Tag, before []Tag) bool {
	if len(t.Value) > MaxTagValue || !e.key(t.Key, ',', len(t.Value), before, nil) {
		return false
	}
	n := len(e.dst)
	if _, plain := copyPlain(e.dst[n:cap(e.dst)], t.Value); plain {
		e.dst = e.dst[:n+len(t.Value)]
		return true
	}
	if !representable(t.Value) {
		return false
	}
	e.dst = appendToken(e.dst, t.Value, "")
	return true
}

// field writes field i of p.
func (e *lineEncoder) field(f *Field, separator byte, p *Point, i int) bool {
	return e.key(f.Key, separator, 0, p.Tags, p.Fields[:i]) && e.value(&f.Value)
}

// key writes separator, key and an equals sign, and leaves room for a value
// of n bytes. The key must not be among the tags and fields before it.
func (e *lineEncoder) key(key string, separator byte, n int, tags []Tag, fields []Field) bool {
	line := slices.Grow(e.dst, len(key)+n+slack)
	end := len(line) + 1 + len(key)
	room := line[len(line):cap(line)]
	room[0] = separator
	if key == "" || len(key) > MaxKey || e.noDots && strings.IndexByte(key, '.') >= 0 {
		return false
	}
	print, plain := copyPlain(room[1:], key)
	if e.keys.add(print) {
		if earlier := (Point{Tags: tags, Fields: fields}); earlier.has(key) {
			return false
		}
	}
	if plain {
		e.dst = append(line[:end], '=')
		return true
	}
	if !representable(key) {
		return false
	}
	e.dst = append(appendToken(line[:len(line)+1], key, ""), '=')
	e.dst = slices.Grow(e.dst, n+slack)
	return true
}

// name writes the measurement, in which an equals sign needs no escape.
func (e *lineEncoder) name(s string) bool {
	line := slices.Grow(e.dst, len(s)+slack)
	if _, plain := copyPlain(line[len(line):cap(line)], s); plain {
		e.dst = line[:len(line)+len(s)]
		return true
	}
	if !representable(s) {
		return false
	}
	e.dst = appendToken(e.dst, s, "=")
	return true
}

// allowed checks the keys that the category forbids or requires.
func (e *lineEncoder) allowed(p *Point) bool {
	for _, d := range e.disabled {
		if e.keys.has(d.print) && p.has(d.name) {
			return false
		}
	}
	return e.required.name == "" || e.keys.has(e.required.print) && p.has(e.required.name)
}

// insertGlobal puts the absent global tags behind the point's own, which can
// be known only once all field keys were seen, and returns their text.
func (e *lineEncoder) insertGlobal(at int, p *Point) []byte {
	end := len(e.dst)
	e.dst = e.global.appendAbsent(e.dst, p, &e.keys)
	n := len(e.dst) - end
	if n > 0 {
		rotate(e.dst[at:], n)
	}
	return e.dst[at : at+n]
}

// rotate moves the last n bytes of b to its front.
func rotate(b []byte, n int) {
	var space [1024]byte // global tags beyond that cost an allocation
	tail := append(space[:0], b[len(b)-n:]...)
	copy(b[n:], b)
	copy(b, tail)
}

// value writes a field value.
func (e *lineEncoder) value(v *Value) bool {
	switch v.Kind() {
	case KindInt:
		e.dst = append(strconv.AppendInt(e.dst, v.AsInt(), 10), 'i')
	case KindUint:
		e.dst = append(strconv.AppendUint(e.dst, v.AsUint(), 10), 'u')
	case KindBool:
		e.dst = strconv.AppendBool(e.dst, v.AsBool())
	case KindFloat:
		f := v.AsFloat()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return false
		}
		e.dst = appendFloat(e.dst, f)
	case KindString:
		s := v.AsString()
		if e.noStrings || len(s) > MaxFieldValue || !utf8.ValidString(s) {
			return false
		}
		e.dst = appendString(e.dst, s)
	default:
		return false
	}
	return true
}

// appendFloat writes whole numbers without an exponent: 1000000 is shorter
// to write and to read than 1e+06.
func appendFloat(dst []byte, f float64) []byte {
	if whole := int64(f); float64(whole) == f && -1e15 < f && f < 1e15 && (whole != 0 || !math.Signbit(f)) {
		return strconv.AppendInt(dst, whole, 10)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64)
}

// appendString writes a string value. Line breaks and tabs stay as they are:
// InfluxDB and Dataway take them within quotes but do not know the escapes \n,
// \r and \t of the reference decoder, and would store a backslash.
// (VictoriaMetrics, which keeps no strings, skips a line with such a string.)
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for {
		i := 0
		for i < len(s) && s[i] != '"' && s[i] != '\\' {
			i++
		}
		dst = append(dst, s[:i]...)
		if i == len(s) {
			return append(dst, '"')
		}
		dst = append(dst, '\\', s[i])
		s = s[i+1:]
	}
}
