package point

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Scanner reads a body of line protocol in one pass, checks its syntax in
// full, and finds the places where a line is cut to be spliced into a block,
// without decoding it. It accepts and rejects what the decoder of
// github.com/influxdata/line-protocol/v2 accepts and rejects.
//
//	 ,- Start       TagsEnd -. ,- Fields        FieldsEnd -. ,- timestamp
//	netflow,direction=outgoing bytes_read=1i,process_name="nc" 1700000000000000000\n
//
// The loop is as with bufio.Scanner: Reset, Next until it returns false, Err.
// A Scanner is reused from body to body; it is not safe for concurrent use.
type Scanner struct {
	body  []byte
	pos   int
	err   *SyntaxError
	ascii bool // no byte of body needs a look at its UTF-8

	category  Category
	rules     *rules
	precision Precision

	line Line
	keys bitmap    // fingerprints of the keys of the current line
	seen []keySpan // its keys, in order, as long as the line breaks no limit
}

// Line tells where the parts of the current line lie in the body.
type Line struct {
	Start     int // first byte of the measurement
	TagsEnd   int // just behind the tags: where tags can be added
	Fields    int // first byte of the first field
	FieldsEnd int // just behind the last field

	Time    int64 // nanoseconds since the Unix epoch, when Stamped
	Stamped bool  // the line has a timestamp

	Broken bool // it breaks a point rule, or needs another spelling: it must be rewritten
}

// keySpan is one key in the body, escapes included. The escaped form of a key
// is unique, so that keys can be compared as they are.
type keySpan struct {
	print      uint64
	start, end int
}

// Causes of syntax errors. The texts are for the client who sent the line.
var (
	errName       = errors.New("want the name of a measurement")
	errComment    = errors.New("want no control character in a comment")
	errTagKey     = errors.New("want a tag key, or a space before the first field")
	errTagEquals  = errors.New("want '=' and a value after the tag key")
	errTagValue   = errors.New("want a tag value")
	errAfterTag   = errors.New("want ',' or a space after the tag value")
	errAfterName  = errors.New("want ',' or a space after the measurement")
	errFieldKey   = errors.New("want a field key")
	errFieldEqual = errors.New("want '=' and a value after the field key")
	errValue      = errors.New(`want a field value: a number, true, false or a "string"`)
	errQuote      = errors.New("want a closing quote for the string that begins here")
	errAfterValue = errors.New("want ',', a space or the end of the line after the field value")
	errTime       = errors.New("want a timestamp or the end of the line")
	errAfterTime  = errors.New("want the end of the line after the timestamp")
	errTimeRange  = errors.New("want a timestamp between the years 1677 and 2262")
	errUTF8       = errors.New("want UTF-8")
)

// Reset starts with another body, which must not change while it is scanned.
func (s *Scanner) Reset(body []byte, c Category, p Precision) {
	*s = Scanner{body: body, category: c, rules: rulesOf(c), precision: p, ascii: utf8.Valid(body), seen: s.seen[:0]}
}

// Next advances to the next line with a point and reports whether there is
// one. Blank lines and comments are skipped.
func (s *Scanner) Next() bool {
	if s.err != nil {
		return false
	}
	at, cause := s.skipBlank()
	if cause == nil {
		if at == len(s.body) {
			s.pos = at
			return false
		}
		at, cause = s.scan(at)
	}
	if cause == nil && !s.ascii && !utf8.Valid(s.body[s.line.Start:s.line.FieldsEnd]) {
		at, cause = s.line.Start+validPrefix(s.body[s.line.Start:]), errUTF8
	}
	if cause != nil {
		s.err = syntaxError(s.body, at, cause)
		return false
	}
	s.pos = at
	return true
}

// Err returns the *[SyntaxError] that ended the scan, or nil.
func (s *Scanner) Err() error {
	if s.err == nil {
		return nil
	}
	return s.err
}

// Line returns the positions of the current line.
func (s *Scanner) Line() Line { return s.line }

// Has reports whether the current line has key, in its escaped form, as tag
// or field. It is undefined when the line is Broken.
func (s *Scanner) has(name string, print uint64) bool {
	if !s.keys.has(print) {
		return false
	}
	for i := range s.seen {
		k := &s.seen[i]
		if k.print == print && string(s.body[k.start:k.end]) == name {
			return true
		}
	}
	return false
}

// skipBlank returns the offset of the next measurement, or the end.
func (s *Scanner) skipBlank() (int, error) {
	b, i := s.body, s.pos
	for i < len(b) {
		switch b[i] {
		case ' ', '\n':
			i++
		case '\r':
			if i+1 < len(b) && b[i+1] != '\n' {
				return i, errName
			}
			i++
		case '#':
			n := bytes.IndexByte(b[i:], '\n')
			end := i + n
			if n < 0 {
				end = len(b)
			}
			text := bytes.TrimSuffix(b[i:end], []byte{'\r'})
			if bad := bytes.IndexFunc(text, isControl); bad >= 0 {
				return i + bad, errComment
			}
			i = end
		default:
			return i, nil
		}
	}
	return i, nil
}

// scan reads the line at i and returns the offset behind it, or where and
// why it is wrong.
func (s *Scanner) scan(i int) (int, error) {
	s.keys = bitmap{}
	s.seen = s.seen[:0]
	s.line = Line{Start: i}

	i = s.skipName(i)
	if i == s.line.Start {
		return i, errName
	}
	s.line.Broken = i-s.line.Start > MaxName
	i, err := s.scanTags(i)
	if err != nil {
		return i, err
	}
	if i, err = s.scanFields(i); err != nil {
		return i, err
	}
	s.line.Broken = s.line.Broken || !s.allowed()
	return s.scanTime(i)
}

// scanTags reads the tags from the end of the measurement to the first field.
func (s *Scanner) scanTags(i int) (int, error) {
	b, tags := s.body, 0
	wrong := errAfterName
	for ; i < len(b) && b[i] == ','; tags++ {
		start := i + 1
		i = s.skipToken(start)
		if i == start {
			return i, errTagKey
		}
		if i == len(b) || b[i] != '=' {
			return i, errTagEquals
		}
		s.key(start, i)
		start = i + 1
		i = s.skipToken(start)
		if i == start {
			return i, errTagValue
		}
		if i-start > MaxTagValue {
			s.line.Broken = true
		}
		wrong = errAfterTag
	}
	if i == len(b) || b[i] != ' ' {
		return i, wrong
	}
	if tags > MaxTags {
		s.line.Broken = true
	}
	s.line.TagsEnd = i
	for i < len(b) && b[i] == ' ' {
		i++
	}
	s.line.Fields = i
	return i, nil
}

// scanFields reads the fields and the spaces behind them.
func (s *Scanner) scanFields(i int) (int, error) {
	b, fields := s.body, 0
	for more := true; more; fields++ {
		start := i
		i = s.skipToken(start)
		if i == start {
			return i, errFieldKey
		}
		if i+1 >= len(b) || b[i] != '=' {
			return i, errFieldEqual
		}
		s.key(start, i)
		var err error
		if i, err = s.scanValue(i + 1); err != nil {
			return i, err
		}
		s.line.FieldsEnd = i
		if more = i < len(b) && b[i] == ','; more {
			i++
		}
	}
	if fields > MaxFields {
		s.line.Broken = true
	}
	return i, nil
}

// key notes a key and checks the rules about keys.
func (s *Scanner) key(start, end int) {
	name := s.body[start:end]
	if len(s.seen) == MaxTags+MaxFields {
		s.line.Broken = true
		return
	}
	if len(name) > MaxKey || s.rules.noDots && bytes.IndexByte(name, '.') >= 0 {
		s.line.Broken = true
	}
	k := keySpan{print: fingerprint(name), start: start, end: end}
	if s.keys.add(k.print) {
		for i := range s.seen {
			earlier := &s.seen[i]
			if earlier.print == k.print && bytes.Equal(s.body[earlier.start:earlier.end], name) {
				s.line.Broken = true
				return
			}
		}
	}
	s.seen = append(s.seen, k)
}

// allowed checks the keys that the category forbids or requires.
func (s *Scanner) allowed() bool {
	for _, d := range s.rules.disabled {
		if s.has(d.name, d.print) {
			return false
		}
	}
	return s.rules.required.name == "" || s.has(s.rules.required.name, s.rules.required.print)
}

// validPrefix returns the length of the part of b before its first bytes that
// are not UTF-8.
func validPrefix(b []byte) (n int) {
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		n += size
	}
	return n
}

// wrongValue wraps the reason why a number cannot be read.
func wrongValue(kind string, text []byte, err error) error {
	return fmt.Errorf("want %s, found %.40q: %w", kind, text, err)
}
