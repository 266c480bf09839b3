package point

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// Eight bytes at a time: the scanner and the encoder look at text in 64-bit
// words. A test on all bytes of a word costs a few instructions and no
// branch, where a loop over bytes costs a mispredicted branch per token. The
// byte tests follow "Bit Twiddling Hacks" (S. E. Anderson).

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// marks flags the bytes of w that end or disturb a token of line protocol: a
// space or control character, a comma, an equals sign, a backslash, DEL. It
// is exact for every byte. Without their high bits, bytes can be added to
// without a carry into the next byte, so each sum below has the high bit of a
// byte set when that byte is not the mark in question.
func marks(w uint64) uint64 {
	const low = ^uint64(highs)
	b := w & low
	plain := (b + (0x80-' '-1)*ones) & ((b ^ ','*ones) + low) & ((b ^ '='*ones) + low) & ((b ^ '\\'*ones) + low)
	return (^plain | (b + ones)) &^ w & highs
}

// isMark is marks for one byte.
func isMark(c byte) bool {
	return c <= ' ' || c == ',' || c == '=' || c == '\\' || c == 0x7f
}

func load64(b []byte) uint64   { return binary.LittleEndian.Uint64(b) }
func put64(b []byte, w uint64) { binary.LittleEndian.PutUint64(b, w) }
func load32(b []byte) uint64   { return uint64(binary.LittleEndian.Uint32(b)) }
func load16(b []byte) uint64   { return uint64(binary.LittleEndian.Uint16(b)) }

// bytesOf returns the bytes of s without a copy. They must not be written to.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// fingerprint is a quick hash of a key: its length and its first and last
// eight bytes. Equal fingerprints call for a comparison of the keys.
func fingerprint(key []byte) uint64 {
	first, last := ends(key)
	return mix(first, last, len(key))
}

// ends returns the first and the last bytes of s, eight of them or less, which
// may overlap.
func ends(s []byte) (first, last uint64) {
	switch n := len(s); {
	case n >= 8:
		return load64(s), load64(s[n-8:])
	case n >= 4:
		return load32(s), load32(s[n-4:])
	case n >= 2:
		return load16(s), load16(s[n-2:])
	case n == 1:
		return uint64(s[0]), 0
	}
	return 0, 0
}

// mix hashes the ends of a text of n bytes. The factors are odd constants with
// well spread bits: the golden ratio, and those of xxHash64.
func mix(first, last uint64, n int) uint64 {
	h := first*0x9e3779b97f4a7c15 ^ (last+uint64(n))*0xc2b2ae3d27d4eb4f
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
