package point

import (
	"strings"
	"testing"
)

// TestMarks compares the test on words with the one on bytes, for every pair
// of neighbouring bytes: a carry from one byte into the next would show.
func TestMarks(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			w := uint64(a) | uint64(b)<<8 | 'x'*(ones>>16<<16)
			var want uint64
			if isMark(byte(a)) {
				want |= 0x80
			}
			if isMark(byte(b)) {
				want |= 0x8000
			}
			if got := marks(w); got != want {
				t.Fatalf("bytes %#x %#x: %#x, want %#x", a, b, got, want)
			}
		}
	}
}

// TestCopyPlain tries every length and every place of a mark.
func TestCopyPlain(t *testing.T) {
	for n := 1; n < 40; n++ {
		for bad := -1; bad < n; bad++ {
			text := []byte(strings.Repeat("abcdefg", 6)[:n])
			if bad >= 0 {
				text[bad] = " ,=\\\n\x7f\xc3"[bad%7]
			}
			dst := make([]byte, n+8)
			print, plain := copyPlain(dst, string(text))
			if plain != (bad < 0) {
				t.Errorf("%q: plain %v", text, plain)
			}
			if plain && string(dst[:n]) != string(text) {
				t.Errorf("%q became %q", text, dst[:n])
			}
			if print != fingerprint(text) {
				t.Errorf("%q has two fingerprints", text)
			}
		}
	}
}
