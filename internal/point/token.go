package point

import "bytes"

// skipToken returns the offset of the first byte behind the key or tag value
// at i: an unescaped comma, equals sign or space, a control character, or the
// end of the body.
func (s *Scanner) skipToken(i int) int {
	b := s.body
	for {
		i = nextMark(b, i)
		if i == len(b) || b[i] != '\\' {
			return i
		}
		// A backslash escapes a separator; before anything else it is
		// an ordinary character.
		if i++; i < len(b) && (b[i] == ',' || b[i] == '=' || b[i] == ' ') {
			i++
		}
	}
}

// skipName is skipToken for the measurement, in which an equals sign is an
// ordinary character.
func (s *Scanner) skipName(i int) int {
	b := s.body
	for {
		i = nextMark(b, i)
		switch {
		case i == len(b):
			return i
		case b[i] == '=':
			i++
		case b[i] != '\\':
			return i
		default:
			if i++; i < len(b) && (b[i] == ',' || b[i] == ' ') {
				i++
			}
		}
	}
}

// nextMark returns the offset of the first mark (see marks) from i on.
func nextMark(b []byte, i int) int {
	for ; i+8 <= len(b); i += 8 {
		if m := marks(load64(b[i:])); m != 0 {
			return i + firstByte(m)
		}
	}
	for i < len(b) && !isMark(b[i]) {
		i++
	}
	return i
}

// skipString returns the offset behind the closing quote of the string whose
// first character is at i, or -1 when there is none.
func skipString(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		// The quote is escaped when an odd number of backslashes is
		// before it: each escaped backslash takes two.
		end, slashes := i+n, 0
		for slashes < n && b[end-1-slashes] == '\\' {
			slashes++
		}
		i = end + 1
		if slashes%2 == 0 {
			return i
		}
	}
}
