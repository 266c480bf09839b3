package point

import "unicode/utf8"

// copyPlain copies text, of at least one byte, to the start of dst, which has
// room for 8 bytes more. It returns the fingerprint of text, and whether it
// can stand as it is: no marks, only ASCII. One look at the words of a text
// serves all three.
func copyPlain(dst []byte, text string) (print uint64, plain bool) {
	s := bytesOf(text)
	n := len(s)
	if n < 8 {
		return copyShort(dst, s)
	}
	first, last := load64(s), load64(s[n-8:])
	bad := marks(first) | marks(last) | first | last
	put64(dst, first)
	for i := 8; i+8 < n; i += 8 {
		w := load64(s[i:])
		bad |= marks(w) | w
		put64(dst[i:], w)
	}
	put64(dst[n-8:], last)
	return mix(first, last, n), bad&highs == 0
}

// copyShort is copyPlain for less than eight bytes.
func copyShort(dst, s []byte) (print uint64, plain bool) {
	first, last := ends(s)
	word := first // all bytes of s in one word, filled up with what is no mark
	switch n := len(s); {
	case n >= 4:
		word |= last << 32
	case n >= 2:
		word |= last<<16 | 'x'*(ones>>32<<32)
	default:
		word |= 'x' * (ones >> 8 << 8)
	}
	copy(dst, s)
	return mix(first, last, len(s)), (marks(word)|word)&highs == 0
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
