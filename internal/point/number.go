package point

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"unsafe"
)

// errNotFinite: strconv reads it, line protocol has no spelling for it.
var errNotFinite = errors.New("not a finite number")

// scanValue checks the field value at i and returns the offset behind it.
func (s *Scanner) scanValue(i int) (int, error) {
	b := s.body
	switch c := b[i]; {
	case c == '"':
		end := skipString(b, i+1)
		if end < 0 {
			return i, errQuote
		}
		if s.rules.noStrings || end-i > MaxFieldValue {
			s.line.Broken = true
		}
		if end < len(b) && b[end] != ',' && !isBlank(b[end]) {
			return end, errAfterValue
		}
		return end, nil
	case c == 't' || c == 'T' || c == 'f' || c == 'F':
		end := valueEnd(b, i)
		if _, ok := parseBool(b[i:end]); !ok {
			return i, errValue
		}
		return end, nil
	case isDigit(c) || c == '-' || c == '.':
		return s.scanNumber(i)
	default:
		return i, errValue
	}
}

// scanNumber checks a number. The usual spellings need no conversion to be
// known as valid; strconv judges the others.
func (s *Scanner) scanNumber(i int) (int, error) {
	b, start := s.body, i
	if b[i] == '-' {
		i++
	}
	whole := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	digits := i - whole
	if i < len(b) {
		switch {
		case b[i] == 'i' && digits > 0 && digits <= 18 && atValueEnd(b, i+1): // 10^18 < 2^63
			return i + 1, nil
		case b[i] == 'u' && digits > 0 && digits <= 18 && whole == start && atValueEnd(b, i+1):
			return i + 1, nil
		case b[i] == '.':
			for i++; i < len(b) && isDigit(b[i]); i++ {
				digits++
			}
		}
	}
	if digits > 0 && digits < 300 && atValueEnd(b, i) { // below 1e308
		return i, nil
	}
	end := valueEnd(b, start)
	v, err := parseNumber(b[start:end])
	if err != nil {
		return start, err
	}
	if v.Kind() == KindFloat && bytes.ContainsAny(b[start:end], "xX_") {
		// Go reads hexadecimal floats, databases do not.
		s.line.Broken = true
	}
	return end, nil
}

// scanTime reads the spaces behind the fields, the timestamp and the end of
// the line.
func (s *Scanner) scanTime(i int) (int, error) {
	b := s.body
	i = skipSpaces(b, i)
	if end, ok := endOfLine(b, i); ok {
		return end, nil
	}
	start := i
	for i < len(b) && (isDigit(b[i]) || b[i] == '-') {
		i++
	}
	if i == start || i < len(b) && !isBlank(b[i]) {
		return start, errTime
	}
	stamp, ok := parseStamp(b[start:i])
	if !ok {
		return start, errTime
	}
	if s.line.Time, ok = s.precision.Nanoseconds(stamp); !ok {
		return start, errTimeRange
	}
	s.line.Stamped = true
	i = skipSpaces(b, i)
	end, ok := endOfLine(b, i)
	if !ok {
		return i, errAfterTime
	}
	return end, nil
}

// parseStamp is strconv.ParseInt with a short way for the usual case.
func parseStamp(text []byte) (int64, bool) {
	if len(text) > 18 && len(text) != 19 || text[0] == '-' || len(text) == 19 && text[0] == '9' {
		v, err := strconv.ParseInt(stringOf(text), 10, 64)
		return v, err == nil
	}
	var v int64
	for _, c := range text {
		if c == '-' {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	return v, true
}

// parseNumber reads a number: an integer with suffix i, an unsigned one with
// suffix u, or a float.
func parseNumber(text []byte) (Value, error) {
	body, last := text[:len(text)-1], text[len(text)-1]
	switch last {
	case 'i':
		v, err := strconv.ParseInt(stringOf(body), 10, 64)
		if err != nil {
			return Value{}, wrongValue("a 64-bit integer", text, reason(err))
		}
		return Int(v), nil
	case 'u':
		v, err := strconv.ParseUint(stringOf(body), 10, 64)
		if err != nil {
			return Value{}, wrongValue("an unsigned 64-bit integer", text, reason(err))
		}
		return Uint(v), nil
	}
	v, err := strconv.ParseFloat(stringOf(text), 64)
	if err == nil && (math.IsInf(v, 0) || math.IsNaN(v)) {
		err = errNotFinite
	}
	if err != nil {
		return Value{}, wrongValue("a number", text, reason(err))
	}
	return Float(v), nil
}

// reason takes the words "strconv.ParseInt: parsing" out of err, and with
// them the reference to the text.
func reason(err error) error {
	var num *strconv.NumError
	if errors.As(err, &num) {
		return num.Err
	}
	return err
}

func parseBool(text []byte) (value, ok bool) {
	switch string(text) {
	case "t", "T", "true", "True", "TRUE":
		return true, true
	case "f", "F", "false", "False", "FALSE":
		return false, true
	}
	return false, false
}

// valueEnd returns the offset behind the number or boolean at i.
func valueEnd(b []byte, i int) int {
	for !atValueEnd(b, i) {
		i++
	}
	return i
}

func atValueEnd(b []byte, i int) bool { return i == len(b) || b[i] == ',' || isBlank(b[i]) }

func skipSpaces(b []byte, i int) int {
	for i < len(b) && b[i] == ' ' {
		i++
	}
	return i
}

// endOfLine returns the offset behind the line break at i: LF, CR LF, the end
// of the body, or a CR just before it.
func endOfLine(b []byte, i int) (int, bool) {
	switch {
	case i == len(b):
		return i, true
	case b[i] == '\n':
		return i + 1, true
	case b[i] == '\r' && i+1 == len(b):
		return i + 1, true
	case b[i] == '\r' && b[i+1] == '\n':
		return i + 2, true
	}
	return i, false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\r' }

// stringOf returns b as a string without a copy, for calls that do not keep
// it.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
