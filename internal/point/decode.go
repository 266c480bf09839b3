package point

import (
	"iter"
	"strings"
)

// Decode iterates over the points of a body of line protocol. Points without
// a timestamp have Time 0. Text that is not line protocol ends it with a
// *[SyntaxError]. The point rules are not applied (see conform).
func Decode(body []byte, p Precision) iter.Seq2[Point, error] {
	return func(yield func(Point, error) bool) {
		var s Scanner
		s.Reset(body, 0, p)
		for s.Next() {
			if !yield(s.Point(), nil) {
				return
			}
		}
		if err := s.Err(); err != nil {
			yield(Point{}, err)
		}
	}
}

// Point decodes the current line. The point does not refer to the body.
func (s *Scanner) Point() Point {
	line := &s.line
	// One copy of the text for all strings of the point.
	text := string(s.body[line.Start:line.FieldsEnd])
	d := lineDecoder{Scanner: Scanner{body: bytesOf(text)}, text: text}
	p := Point{Time: line.Time}
	end := d.skipName(0)
	p.Measurement = unescape(text[:end], `, `)
	for text[end] == ',' {
		var t Tag
		t.Key, end = d.token(end + 1)
		t.Value, end = d.token(end + 1)
		p.Tags = append(p.Tags, t)
	}
	for end = line.Fields - line.Start - 1; end < len(text); {
		var f Field
		f.Key, end = d.token(end + 1)
		f.Value, end = d.value(end + 1)
		p.Fields = append(p.Fields, f)
	}
	return p
}

// lineDecoder decodes a line that is known to be valid.
type lineDecoder struct {
	Scanner
	text string
}

func (d *lineDecoder) token(start int) (string, int) {
	end := d.skipToken(start)
	return unescape(d.text[start:end], `, =`), end
}

func (d *lineDecoder) value(start int) (Value, int) {
	if d.body[start] == '"' {
		end := skipString(d.body, start+1)
		return String(unescapeString(d.text[start+1 : end-1])), end
	}
	end := valueEnd(d.body, start)
	if v, ok := parseBool(d.body[start:end]); ok {
		return Bool(v), end
	}
	v, _ := parseNumber(d.body[start:end]) // the scanner has checked it
	return v, end
}

// unescape resolves backslashes before one of the characters in escapable; a
// backslash before anything else stands for itself.
func unescape(s, escapable string) string {
	return unescapeWith(s, func(c byte) (byte, bool) { return c, strings.IndexByte(escapable, c) >= 0 })
}

// unescapeString does the same for the text between quotes, where the
// reference decoder knows the escapes of three control characters too.
func unescapeString(s string) string {
	return unescapeWith(s, func(c byte) (byte, bool) {
		switch c {
		case '"', '\\':
			return c, true
		case 'n':
			return '\n', true
		case 'r':
			return '\r', true
		case 't':
			return '\t', true
		}
		return c, false
	})
}

func unescapeWith(s string, meaning func(byte) (byte, bool)) string {
	i := strings.IndexByte(s, '\\')
	if i < 0 {
		return s
	}
	out := append(make([]byte, 0, len(s)), s[:i]...)
	for ; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			if plain, ok := meaning(s[i+1]); ok {
				c = plain
				i++
			}
		}
		out = append(out, c)
	}
	return string(out)
}
