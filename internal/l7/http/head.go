package http

import (
	"bytes"
	"math"
)

// unknownLength: a head says nothing of how long the body is.
const unknownLength = -1

// head is what the fields of a message's head say. Slices are parts of it.
type head struct {
	startLine
	length  int64 // Content-Length, or unknownLength
	badBody bool  // framing that cannot be relied on
	chunked bool
	coded   bool // a transfer coding other than chunked is the last one
	upgrade []byte
	host    []byte
	trace   traceFields
	size    int // bytes of the head, 0 when its end was not captured
}

// parse reads a head at the beginning of b. It returns needMore until the
// head is complete, unless cut says that nothing more will come.
func (h *head) parse(b []byte, cut, fields bool) kind {
	*h = head{length: unknownLength}
	k := h.startLine.parse(b, cut)
	if k != isRequest && k != isReply || h.n == 0 {
		return k
	}
	for at := h.n; at < len(b); {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			break
		}
		line := b[at : at+i]
		at += i + 1
		if i > 0 && line[i-1] == '\r' {
			line = line[:i-1]
		}
		if len(line) == 0 {
			h.size = at
			return k
		}
		h.field(line, fields)
	}
	if cut {
		return k
	}
	return needMore
}

// field looks at one line. Names are compared without regard to case.
func (h *head) field(line []byte, fields bool) {
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return
	}
	name := line[:colon]
	switch len(name) {
	case len("host"):
		if equalFold(name, "host") && h.host == nil {
			h.host = trim(line[colon+1:])
		}
	case len("upgrade"):
		if equalFold(name, "upgrade") {
			h.upgrade = trim(line[colon+1:])
		}
	case len("content-length"):
		if equalFold(name, "content-length") {
			h.contentLength(trim(line[colon+1:]))
		}
	case len("transfer-encoding"):
		if equalFold(name, "transfer-encoding") {
			h.transferEncoding(trim(line[colon+1:]))
		}
	}
	if fields {
		h.trace.field(name, line[colon+1:])
	}
}

// contentLength takes "5", and "5, 5" as RFC 9110 §8.6 lets one do.
func (h *head) contentLength(v []byte) {
	for len(v) > 0 {
		one, rest, _ := bytes.Cut(v, []byte(","))
		n, ok := decimal(trim(one))
		if !ok || h.length != unknownLength && h.length != n {
			h.badBody = true
			return
		}
		h.length, v = n, rest
	}
}

func (h *head) transferEncoding(v []byte) {
	if i := bytes.LastIndexByte(v, ','); i >= 0 {
		v = trim(v[i+1:])
	}
	h.chunked = equalFold(v, "chunked")
	h.coded = !h.chunked && !equalFold(v, "identity")
}

// decimal reads digits. Numbers that cannot be a length are refused.
func decimal(b []byte) (n int64, ok bool) {
	for _, c := range b {
		if c-'0' > 9 || n > math.MaxInt64/100 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(b) > 0
}

// equalFold compares b with s, which is in lower case, without regard to case.
func equalFold(b []byte, s string) bool {
	if len(b) != len(s) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != s[i] {
			return false
		}
	}
	return true
}

// trim removes the blanks around a field value.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// tokenIn reports whether the list v has the token s, which is in lower case.
func tokenIn(v []byte, s string) bool {
	for len(v) > 0 {
		one, rest, _ := bytes.Cut(v, []byte(","))
		if equalFold(trim(one), s) {
			return true
		}
		v = rest
	}
	return false
}

// headEnds reports whether an empty line ends within b[from:].
func headEnds(b []byte, from int) bool {
	for i := from; i < len(b); i++ {
		next := bytes.IndexByte(b[i:], '\n')
		if next < 0 {
			return false
		}
		i += next
		if i >= 1 && b[i-1] == '\n' || i >= 2 && b[i-1] == '\r' && b[i-2] == '\n' {
			return true
		}
	}
	return false
}
