package http

// The Huffman code of RFC 7541 appendix B is canonical: within a length, codes
// count upwards in the order of the symbols, and each length continues where
// the one before it ended. So the lengths are all there is to know.
var huffmanLengths = [257]uint8{
	13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
	28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
	6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
	5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
	13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
	15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
	6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
	20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
	24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
	22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
	21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
	26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
	19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
	20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
	26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
	30, // end of string
}

const (
	huffmanEnd     = 256
	huffmanLongest = 30
)

// huffmanTable decodes.
type huffmanTable struct {
	short   [256]struct{ symbol, length uint8 } // by the next 8 bits; length 0: the code is longer
	limit   [huffmanLongest + 2]uint64          // by length: first code beyond it, left-justified in 32 bits
	base    [huffmanLongest + 1]uint32          // by length: its first code
	first   [huffmanLongest + 1]uint16          // by length: where its symbols begin
	symbols [257]uint16
}

var huffman = newHuffmanTable()

func newHuffmanTable() (t huffmanTable) {
	code, n := uint32(0), 0
	for length := 1; length <= huffmanLongest; length++ {
		code <<= 1
		t.base[length], t.first[length] = code, uint16(n)
		for symbol, l := range huffmanLengths {
			if int(l) != length {
				continue
			}
			t.symbols[n] = uint16(symbol)
			for i := uint32(0); length <= 8 && i < 1<<(8-length); i++ {
				t.short[code<<(8-length)|i] = struct{ symbol, length uint8 }{uint8(symbol), l}
			}
			code, n = code+1, n+1
		}
		t.limit[length] = uint64(code) << (32 - length)
	}
	return t
}

// decode appends the string that b encodes to dst. It fails on the symbol end
// of string and on padding that is not the beginning of it (RFC 7541 §5.2).
// What it appends is at most 8/5 as long as b.
func (t *huffmanTable) decode(dst, b []byte) ([]byte, bool) {
	var acc uint64 // the next bits, left-justified in 64
	var bits int
	for {
		for bits <= 56 && len(b) > 0 {
			acc |= uint64(b[0]) << (56 - bits)
			b, bits = b[1:], bits+8
		}
		if s := t.short[acc>>56]; s.length > 0 && int(s.length) <= bits {
			dst = append(dst, s.symbol)
			acc, bits = acc<<s.length, bits-int(s.length)
			continue
		}
		length := 5
		for length <= huffmanLongest && acc>>32 >= t.limit[length] {
			length++
		}
		if length > bits || length > huffmanLongest {
			// What is left is padding: less than 8 ones.
			return dst, bits < 8 && acc == ^uint64(0)<<(64-bits)
		}
		symbol := t.symbols[uint32(t.first[length])+uint32(acc>>(64-length))-t.base[length]]
		if symbol == huffmanEnd {
			return dst, false
		}
		dst = append(dst, uint8(symbol))
		acc, bits = acc<<length, bits-length
	}
}
