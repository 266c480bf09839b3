package http

// chunks reads the framing of a chunked body (RFC 9112 §7.1) byte by byte, so
// that it may be split anywhere.
type chunks struct {
	size uint64 // as far as read; of chunkData: bytes to skip, with the line end behind them
	line uint16 // bytes of the line being read
	part chunkPart
	any  bool // the line has a digit
}

type chunkPart uint8

const (
	chunkSize chunkPart = iota
	chunkExtension
	chunkData
	chunkTrailer
)

// maxChunkLine bounds a line of the framing, trailer fields included.
const maxChunkLine = 8 << 10

type chunkResult uint8

const (
	chunkMore chunkResult = iota // all of b was read, or there is data to skip
	chunkEnd                     // the body ends
	chunkBad                     // this is no chunked body
)

// parse reads framing at the beginning of b, until data begins, and returns its
// length.
func (k *chunks) parse(b []byte) (n int, r chunkResult) {
	for n < len(b) {
		c := b[n]
		n++
		if c != '\n' {
			if k.line++; k.line > maxChunkLine {
				return n, chunkBad
			}
		}
		switch {
		case c == '\n' && k.part == chunkTrailer:
			if k.line == 0 {
				return n, chunkEnd
			}
			k.line = 0
		case c == '\n':
			if !k.any {
				return n, chunkBad
			}
			if k.size > 0 {
				*k = chunks{size: k.size + 2, part: chunkData}
				return n, chunkMore
			}
			*k = chunks{part: chunkTrailer}
		case c == '\r':
			k.line--
		case k.part == chunkSize && !k.digit(c):
			if !k.any || c != ';' && c != ' ' && c != '\t' {
				return n, chunkBad
			}
			k.part = chunkExtension
		}
	}
	return n, chunkMore
}

// digit adds a digit of the size; false: c is none, or the size is absurd.
func (k *chunks) digit(c byte) bool {
	var d byte
	switch {
	case c >= '0' && c <= '9':
		d = c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		d = c | 0x20 - 'a' + 10
	default:
		return false
	}
	if k.size >= 1<<58 {
		return false
	}
	k.size, k.any = k.size<<4|uint64(d), true
	return true
}

// skip returns how much of n bytes is data.
func (k *chunks) skip(n int) int {
	if k.part != chunkData {
		return 0
	}
	data := min(uint64(n), k.size)
	if k.size -= data; k.size == 0 {
		*k = chunks{}
	}
	return int(data)
}
