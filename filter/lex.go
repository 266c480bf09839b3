package filter

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// lexer splits a rule text into tokens.
type lexer struct {
	src string
	off int
	pos Position
}

// lex returns all tokens of src, ended by one of kind tokEOF.
func lex(src string) ([]token, error) {
	l := &lexer{src: src, pos: Position{1, 1}}
	var all []token
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		all = append(all, t)
		if t.kind == tokEOF {
			return all, nil
		}
	}
}

// advance consumes n bytes, which hold no newline.
func (l *lexer) advance(n int) string {
	text := l.src[l.off : l.off+n]
	l.off += n
	l.pos.Col += utf8.RuneCountInString(text)
	return text
}

func (l *lexer) newline() {
	l.off++
	l.pos.Line++
	l.pos.Col = 1
}

func (l *lexer) rest() string { return l.src[l.off:] }

func (l *lexer) next() (token, error) {
	l.skipBlanks()
	start := l.pos
	rest := l.rest()
	switch {
	case rest == "":
		return token{kind: tokEOF, pos: start}, nil
	case rest[0] == '\n':
		l.newline()
		return token{kind: tokNewline, pos: start}, nil
	case isDigit(rest[0]):
		return l.number()
	case rest[0] == '\'' || rest[0] == '"':
		return l.str()
	case rest[0] == '`':
		end := strings.IndexAny(rest[1:], "`\n")
		if end < 0 || rest[1+end] == '\n' {
			return token{}, errorAt(start, "quoted name is not closed")
		}
		if end == 0 {
			return token{}, errorAt(start, "quoted name is empty")
		}
		text := l.advance(end + 2)
		return token{kind: tokIdent, text: text[1 : end+1], pos: start}, nil
	case isIdentStart(rest[0]):
		n := 1
		for n < len(rest) && (isIdentStart(rest[n]) || isDigit(rest[n])) {
			n++
		}
		word := l.advance(n)
		if !utf8.ValidString(word) {
			return token{}, errorAt(start, "name is not valid UTF-8")
		}
		if isKeyword(word) {
			return token{kind: tokKeyword, text: strings.ToLower(word), pos: start}, nil
		}
		return token{kind: tokIdent, text: word, pos: start}, nil
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			l.advance(len(op))
			return token{kind: tokenKind(op), text: op, pos: start}, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return token{}, errorAt(start, "unexpected character %q", r)
}

// skipBlanks passes over blanks and comments; newlines are tokens.
func (l *lexer) skipBlanks() {
	for rest := l.rest(); rest != ""; rest = l.rest() {
		switch rest[0] {
		case ' ', '\t', '\r':
			l.advance(1)
		case '#':
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			l.advance(n)
		default:
			return
		}
	}
}

// number reads an integer: decimal, 0x hexadecimal or octal with a leading 0.
// What has the shape of a number but is no int64 in its base counts as a
// float, which the checker refuses.
func (l *lexer) number() (token, error) {
	start := l.pos
	rest := l.rest()
	n := 1
	for n < len(rest) && (isIdentStart(rest[n]) || isDigit(rest[n]) || rest[n] == '.') {
		n++
	}
	text := l.advance(n)
	if v, err := strconv.ParseInt(text, 0, 64); err == nil && !strings.ContainsAny(text, "_oO") && !isBinary(text) {
		return token{kind: tokInt, text: text, num: v, pos: start}, nil
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil || isDigits(text) {
		return token{kind: tokFloat, text: text, pos: start}, nil
	}
	return token{}, errorAt(start, "malformed number %s", text)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isBinary reports the 0b form, which Go knows and the language does not.
func isBinary(s string) bool { return len(s) > 1 && (s[1] == 'b' || s[1] == 'B') }

func isDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

func isIdentStart(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}
