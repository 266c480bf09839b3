package point

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// AppendLine appends p to dst as one line of line protocol with a nanosecond
// timestamp (none when p.Time is 0) and a newline, and adds those of the
// global tags whose key p does not have.
//
// The point rules of category c are applied (see [Conform]); each change is
// told to warn. It returns dst unchanged and false when no field of p can be
// encoded. p is not modified. Without a broken rule nothing is allocated
// beyond the growth of dst.
func AppendLine(dst []byte, p *Point, c Category, global *TagSet, warn Warn) ([]byte, bool) {
	start := len(dst)
	e := lineEncoder{rules: rulesOf(c), dst: dst}
	if e.line(p, global) {
		return e.dst, true
	}
	fit := Conform(*p, c, warn)
	if len(fit.Fields) == 0 {
		warn.emit(WarnNoFields, "point of measurement %q has no field left and is dropped", fit.Measurement)
		return dst[:start], false
	}
	e = lineEncoder{rules: rulesOf(c), dst: e.dst[:start]}
	if !e.line(&fit, global) {
		panic("point: a conforming point breaks a rule") // covered by the fuzz tests of AppendLine
	}
	return e.dst, true
}

// lineEncoder writes one line on the assumption that the point obeys the
// rules, and gives up when it sees that it does not.
type lineEncoder struct {
	*rules
	dst  []byte
	keys bitmap
}

// slack is what may be written behind the end of a token: the rest of a word,
// a separator, a type suffix.
const slack = 16

// line reports false as soon as p breaks a rule; dst is then left with a part
// of the line.
func (e *lineEncoder) line(p *Point, global *TagSet) bool {
	if len(p.Tags) > MaxTags || len(p.Fields) > MaxFields || len(p.Fields) == 0 ||
		p.Measurement == "" || len(p.Measurement) > MaxName || p.Measurement[0] == '#' {
		return false
	}
	if !e.token(p.Measurement, false) {
		return false
	}
	for i := range p.Tags {
		t := &p.Tags[i]
		if t.Value == "" {
			continue
		}
		e.dst = append(e.dst, ',')
		if len(t.Value) > MaxTagValue || !e.key(t.Key, p.Tags[:i], nil) {
			return false
		}
		e.dst = append(e.dst, '=')
		if !e.token(t.Value, true) {
			return false
		}
	}
	afterTags := len(e.dst)
	separator := byte(' ')
	for i := range p.Fields {
		e.dst = append(e.dst, separator)
		separator = ','
		f := &p.Fields[i]
		if !e.key(f.Key, p.Tags, p.Fields[:i]) {
			return false
		}
		e.dst = append(e.dst, '=')
		if !e.value(&f.Value) {
			return false
		}
	}
	if !e.allowed(p) {
		return false
	}
	e.insertGlobal(afterTags, p, global)
	if p.Time != 0 {
		e.dst = append(e.dst, ' ')
		e.dst = strconv.AppendInt(e.dst, p.Time, 10)
	}
	e.dst = append(e.dst, '\n')
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
// be known only once all field keys were seen.
func (e *lineEncoder) insertGlobal(at int, p *Point, global *TagSet) {
	end := len(e.dst)
	e.dst = global.appendAbsent(e.dst, p, &e.keys)
	if n := len(e.dst) - end; n > 0 {
		rotate(e.dst[at:], n)
	}
}

// rotate moves the last n bytes of b to its front.
func rotate(b []byte, n int) {
	var space [1024]byte // global tags beyond that cost an allocation
	tail := append(space[:0], b[len(b)-n:]...)
	copy(b[n:], b)
	copy(b, tail)
}

// key writes a tag or field key that must not be among the tags and fields
// before it.
func (e *lineEncoder) key(key string, tags []Tag, fields []Field) bool {
	if key == "" || len(key) > MaxKey || e.noDots && bytes.IndexByte(bytesOf(key), '.') >= 0 {
		return false
	}
	if e.keys.add(fingerprint(bytesOf(key))) {
		if before := (Point{Tags: tags, Fields: fields}); before.has(key) {
			return false
		}
	}
	return e.token(key, true)
}

// token writes a measurement, key or tag value, escaped: an equals sign only
// in keys and values.
func (e *lineEncoder) token(s string, escapeEquals bool) bool {
	e.dst = slices.Grow(e.dst, len(s)+slack)
	n := len(e.dst)
	if copyPlain(e.dst[n:cap(e.dst)], bytesOf(s)) {
		e.dst = e.dst[:n+len(s)]
		return true
	}
	if !representable(s) {
		return false
	}
	except := "="
	if escapeEquals {
		except = ""
	}
	e.dst = appendToken(e.dst, s, except)
	return true
}

// copyPlain copies s, of at least one byte, to the start of dst, which has
// room for len(s)+8, and reports whether s can stand as it is: no marks, only
// ASCII.
func copyPlain(dst, s []byte) bool {
	var bad uint64
	switch n := len(s); {
	case n >= 8:
		for i := 0; i+8 < n; i += 8 {
			w := load64(s[i:])
			bad |= marks(w) | w
			binary.LittleEndian.PutUint64(dst[i:], w)
		}
		w := load64(s[n-8:])
		bad |= marks(w) | w
		binary.LittleEndian.PutUint64(dst[n-8:], w)
	case n >= 4:
		lo, hi := load32(s), load32(s[n-4:])
		w := lo | hi<<32
		bad = marks(w) | w
		binary.LittleEndian.PutUint32(dst, uint32(lo))
		binary.LittleEndian.PutUint32(dst[n-4:], uint32(hi))
	default:
		for i, c := range s {
			if isMark(c) || c >= utf8.RuneSelf {
				return false
			}
			dst[i] = c
		}
	}
	return bad&highs == 0
}

// representable reports whether escapes can express s (see conformer.text).
func representable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f {
			return false
		}
	}
	return s[len(s)-1] != '\\' && utf8.ValidString(s)
}

// appendToken appends s with the separators of line protocol escaped, save
// those in except.
func appendToken(dst []byte, s, except string) []byte {
	for i := range len(s) {
		c := s[i]
		if (c == ',' || c == ' ' || c == '=') && (except == "" || c != except[0]) {
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return dst
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
// every decoder takes them within quotes, while the escapes \n, \r and \t are
// known to some only.
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
