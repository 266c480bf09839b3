package point

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Eight bytes at a time: the scanner and the encoder look at text in 64-bit
// words. A test on all bytes of a word costs a few instructions and no
// branch, where a loop over bytes costs a mispredicted branch per token. The
// byte tests are those of Mycroft and "Bit Twiddling Hacks" (S. E. Anderson):
// the lowest flagged byte is exact, higher ones may be false.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// below flags the bytes of w that are less than n, n ≤ 128.
func below(w uint64, n byte) uint64 { return (w - ones*uint64(n)) & ^w & highs }

// equal flags the bytes of w that are c.
func equal(w uint64, c byte) uint64 {
	w ^= ones * uint64(c)
	return (w - ones) & ^w & highs
}

// marks flags the bytes of w that end or disturb a token of line protocol: a
// space or control character, a comma, an equals sign, a backslash, DEL.
func marks(w uint64) uint64 {
	return below(w, ' '+1) | equal(w, ',') | equal(w, '=') | equal(w, '\\') | equal(w, 0x7f)
}

// isMark is marks for one byte.
func isMark(c byte) bool {
	return c <= ' ' || c == ',' || c == '=' || c == '\\' || c == 0x7f
}

func load64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
func load32(b []byte) uint64 { return uint64(binary.LittleEndian.Uint32(b)) }
func load16(b []byte) uint64 { return uint64(binary.LittleEndian.Uint16(b)) }

// bytesOf returns the bytes of s without a copy. They must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// fingerprint is a quick hash of a key: its length and its first and last
// eight bytes. Equal fingerprints call for a comparison of the keys.
func fingerprint(key []byte) uint64 {
	var first, last uint64
	switch n := len(key); {
	case n >= 8:
		first, last = load64(key), load64(key[n-8:])
	case n >= 4:
		first, last = load32(key), load32(key[n-4:])
	case n >= 2:
		first, last = load16(key), load16(key[n-2:])
	case n == 1:
		first = uint64(key[0])
	}
	// Odd constants with well spread bits (the golden ratio, and those of
	// xxHash64): equality of the product implies nothing but is rare.
	h := first*0x9e3779b97f4a7c15 ^ (last+uint64(len(key)))*0xc2b2ae3d27d4eb4f
	return (h ^ h>>32) * 0x165667b19e3779f9
}

// bitmap is a set of fingerprints with false positives, for "was this key
// seen before in this line" at the price of one bit test.
type bitmap [32]uint64

// add puts h into the set and reports whether it may have been in it.
func (b *bitmap) add(h uint64) bool {
	word, bit := &b[h>>59], uint64(1)<<(h>>53&63)
	was := *word&bit != 0
	*word |= bit
	return was
}

// has reports whether h may be in the set.
func (b *bitmap) has(h uint64) bool { return b[h>>59]&(1<<(h>>53&63)) != 0 }

// firstByte returns the index of the lowest flagged byte of m, which is not 0.
func firstByte(m uint64) int { return bits.TrailingZeros64(m) / 8 }
