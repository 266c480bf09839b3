package config

import (
	"strconv"
	"strings"
)

// A statement is one table header or one key with its value. The parser of
// TOML does not keep positions; statements give errors their lines and let a
// file be cut into sections.
type statement struct {
	line   int      // of its first byte, from 1
	header bool     // [path] or [[path]]; otherwise path = value
	array  bool     // [[path]]
	path   []string // as written: relative to the last header for a key
}

// statements lists what text consists of. The text is valid TOML; for
// anything else the result is meaningless, but finite.
func statements(text string) []statement {
	s := scanner{text: text, line: 1}
	var all []statement
	for s.skipBlank(); s.pos < len(s.text); s.skipBlank() {
		st := statement{line: s.line}
		if s.accept("[") {
			st.header, st.array = true, s.accept("[")
			st.path = s.key()
			s.restOfLine()
		} else {
			st.path = s.key()
			s.value()
		}
		all = append(all, st)
	}
	return all
}

type scanner struct {
	text string
	pos  int
	line int
}

func (s *scanner) rest() string { return s.text[s.pos:] }

func (s *scanner) accept(prefix string) bool {
	if strings.HasPrefix(s.rest(), prefix) {
		s.advance(len(prefix))
		return true
	}
	return false
}

func (s *scanner) advance(n int) {
	end := min(s.pos+n, len(s.text))
	s.line += strings.Count(s.text[s.pos:end], "\n")
	s.pos = end
}

// until moves to the first byte of set, or to the end.
func (s *scanner) until(set string) string {
	rest := s.rest()
	n := strings.IndexAny(rest, set)
	if n < 0 {
		n = len(rest)
	}
	s.advance(n)
	return rest[:n]
}

func (s *scanner) restOfLine() { s.until("\n"); s.advance(1) }

func (s *scanner) skipBlank() {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.advance(1)
		case '#':
			s.restOfLine()
		default:
			return
		}
	}
}

// key reads a dotted key up to '=', ']' or the end of the line.
func (s *scanner) key() (path []string) {
	for s.pos < len(s.text) {
		switch c := s.text[s.pos]; c {
		case '=', ']':
			s.advance(1)
			return path
		case '\n':
			return path
		case '.', ' ', '\t', '\r':
			s.advance(1)
		case '"', '\'':
			from := s.pos
			s.quoted()
			part := s.text[from:s.pos]
			if unquoted, err := strconv.Unquote(part); err == nil && c == '"' {
				part = unquoted
			}
			path = append(path, strings.Trim(part, "'"))
		default:
			path = append(path, s.until(".=] \t\r\n"))
		}
	}
	return path
}

// value skips a value: to the end of the line on which its brackets close.
func (s *scanner) value() {
	for depth := 0; s.pos < len(s.text); {
		switch s.text[s.pos] {
		case '"', '\'':
			s.quoted()
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case '#':
			s.until("\n")
			continue
		case '\n':
			if depth <= 0 {
				return
			}
		}
		s.advance(1)
	}
}

// quoted skips a string of any of the four forms.
func (s *scanner) quoted() {
	mark := s.text[s.pos : s.pos+1]
	if long := strings.Repeat(mark, 3); s.accept(long) {
		s.through(long, mark == `"`)
		for s.accept(mark) { // up to two quotes may stand before the closing three
		}
		return
	}
	s.advance(1)
	s.through(mark, mark == `"`)
}

// through moves behind the next mark; a backslash escapes it where escapes.
func (s *scanner) through(mark string, escapes bool) {
	for s.pos < len(s.text) {
		if escapes && s.text[s.pos] == '\\' {
			s.advance(2)
			continue
		}
		if s.accept(mark) {
			return
		}
		s.advance(1)
	}
}
