package filter

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// str reads a string in single or double quotes, or in three of them, when it
// may span lines.
func (l *lexer) str() (token, error) {
	start := l.pos
	rest := l.rest()
	quoteMark := rest[:1]
	long := strings.HasPrefix(rest, strings.Repeat(quoteMark, 3))
	if long {
		quoteMark = rest[:3]
	}
	l.advance(len(quoteMark))

	var value strings.Builder
	for {
		rest = l.rest()
		switch {
		case rest == "":
			return token{}, errorAt(start, "string is not closed")
		case strings.HasPrefix(rest, quoteMark):
			l.advance(len(quoteMark))
			return token{kind: tokString, text: value.String(), pos: start}, nil
		case rest[0] == '\n':
			if !long {
				return token{}, errorAt(start, "string is not closed on its line")
			}
			l.newline()
			value.WriteByte('\n')
		case rest[0] == '\\':
			if err := l.escape(&value, quoteMark[0]); err != nil {
				return token{}, err
			}
		default:
			_, size := utf8.DecodeRuneInString(rest)
			value.WriteString(l.advance(size))
		}
	}
}

// escape reads one escape sequence: \a \b \f \n \r \t \v \\, the opening
// quote, \ooo, \xhh, \uhhhh, \Uhhhhhhhh.
func (l *lexer) escape(value *strings.Builder, quoteMark byte) error {
	start := l.pos
	rest := l.rest()
	// UnquoteChar refuses an escaped quote of the other kind, as we do, and
	// would run over a raw newline only in forms that it refuses anyway.
	r, multibyte, tail, err := strconv.UnquoteChar(rest, quoteMark)
	if err != nil || strings.Contains(rest[:len(rest)-len(tail)], "\n") {
		bad := rest
		if len(bad) > 2 {
			bad = bad[:2]
		}
		return errorAt(start, "unknown or incomplete escape %s", strings.TrimSpace(bad))
	}
	l.advance(len(rest) - len(tail))
	if r < utf8.RuneSelf || !multibyte {
		value.WriteByte(byte(r))
	} else {
		value.WriteRune(r)
	}
	return nil
}

// quote writes s as a string literal of the language (and of expr).
func quote(s string) string { return strconv.Quote(s) }
