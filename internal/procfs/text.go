package procfs

import "bytes"

// Line cuts the first line off data.
func Line(data []byte) (line, rest []byte) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return data[:i], data[i+1:]
	}
	return data, nil
}

// Word cuts the first word off data; words are separated by white space.
func Word(data []byte) (word, rest []byte) {
	i := 0
	for i < len(data) && isSpace(data[i]) {
		i++
	}
	from := i
	for i < len(data) && !isSpace(data[i]) {
		i++
	}
	return data[from:i], data[i:]
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

// Uint reads a decimal number that fills the whole word and fits 64 bits.
func Uint(word []byte) (n uint64, ok bool) {
	if len(word) == 0 {
		return 0, false
	}
	for _, c := range word {
		d := uint64(c - '0')
		if c < '0' || c > '9' || n > (1<<64-1-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// uints reads the words of line, as far as they are numbers and into has
// room, and returns how many these are.
func uints(line []byte, into []uint64) int {
	for i := range into {
		var word []byte
		word, line = Word(line)
		n, ok := Uint(word)
		if !ok {
			return i
		}
		into[i] = n
	}
	return len(into)
}
