package http

import "bytes"

// kind is what a message starts with.
type kind uint8

const (
	notHead   kind = iota // something else
	needMore              // too few bytes to tell
	isRequest             // a request line
	isReply               // a status line
	isPreface             // the connection preface of HTTP/2 (RFC 9113 §3.4)
)

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// startLine is the first line of a message. Its slices are parts of what was
// parsed.
type startLine struct {
	method []byte
	target []byte
	cut    bool // the target goes on beyond the capture
	minor  byte // of HTTP/1.x
	status int
	n      int // length including the line's end; 0 when that was not captured
}

// parse reads a first line at the beginning of b. cut says that the bytes
// after b were not captured, so that none of them will come.
func (l *startLine) parse(b []byte, cut bool) kind {
	if len(b) >= 5 && string(b[:5]) == "HTTP/" {
		return l.reply(b, cut)
	}
	if len(b) == 0 || len(b) < 5 && string(b) == "HTTP/"[:len(b)] {
		if cut {
			return notHead
		}
		return needMore
	}
	return l.request(b, cut)
}

// reply reads "HTTP/1.1 200 OK\r\n"; the reason may be cut.
func (l *startLine) reply(b []byte, cut bool) kind {
	const shape = "HTTP/1.x nnn"
	for i := 5; i < len(shape); i++ {
		if i >= len(b) {
			if cut {
				return notHead
			}
			return needMore
		}
		digit := b[i]-'0' <= 9
		if c := shape[i]; c != b[i] && (c != 'x' && c != 'n' || !digit) {
			return notHead
		}
	}
	l.minor = b[7] - '0'
	l.status = int(b[9]-'0')*100 + int(b[10]-'0')*10 + int(b[11]-'0')
	if l.status < 100 {
		return notHead
	}
	if len(b) > len(shape) {
		if c := b[len(shape)]; c != ' ' && c != '\r' && c != '\n' {
			return notHead
		}
	}
	if i := bytes.IndexByte(b[len(shape):], '\n'); i >= 0 {
		l.n = len(shape) + i + 1
		return isReply
	}
	if cut {
		return isReply
	}
	return l.unfinished(b)
}

// request reads "GET /path HTTP/1.1\r\n". A line that the capture cuts is one
// only if it starts with a registered method.
func (l *startLine) request(b []byte, cut bool) kind {
	i := 0
	for i < len(b) && i <= maxMethod && tokenChar(b[i]) {
		i++
	}
	if i == len(b) && i <= maxMethod {
		if cut {
			return notHead
		}
		return needMore
	}
	if i == 0 || i > maxMethod || b[i] != ' ' {
		return notHead
	}
	l.method = b[:i]
	rest := b[i+1:]
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		if !cut {
			if len(rest) > 0 && !visible(rest) {
				return notHead
			}
			return l.unfinished(b)
		}
		return l.cutRequest(rest)
	}
	l.n = i + 1 + end + 1
	if end > 0 && rest[end-1] == '\r' {
		end--
	}
	line := rest[:end]
	v := len(line) - len(" HTTP/1.1")
	if v < 1 || string(line[v:v+8]) != " HTTP/1." || line[v+8]-'0' > 9 {
		if string(b[:min(len(b), len(preface))]) == preface[:min(len(b), len(preface))] {
			if len(b) < len(preface) && !cut {
				return needMore
			}
			return isPreface
		}
		return notHead
	}
	l.minor = line[v+8] - '0'
	l.target = line[:v]
	if !visible(l.target) {
		return notHead
	}
	if i := bytes.IndexByte(l.target, ' '); i >= 0 {
		l.target = l.target[:i] // blanks are not allowed; what servers take ends here
	}
	if len(l.target) == 0 {
		return notHead
	}
	return isRequest
}

// cutRequest reads a line that goes on beyond the capture.
func (l *startLine) cutRequest(rest []byte) kind {
	if method(l.method) == otherMethod || !visible(rest) {
		return notHead
	}
	l.target, l.minor, l.cut = rest, 1, true
	if i := bytes.IndexByte(rest, ' '); i >= 0 {
		l.target, l.cut = rest[:i], false
		if v := rest[i:]; len(v) >= 9 && string(v[:8]) == " HTTP/1." {
			l.minor = v[8] - '0'
		} else if string(v) != " HTTP/1.1"[:min(len(v), 9)] {
			return notHead
		}
	}
	if len(l.target) == 0 {
		return notHead
	}
	return isRequest
}

// unfinished is a good line of which the end has not come yet.
func (l *startLine) unfinished(b []byte) kind {
	if len(b) > maxHead {
		return notHead
	}
	return needMore
}

// visible reports that b has no control characters. Bytes above 0x7f are
// allowed: clients send raw UTF-8.
func visible(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\r' || c == 0x7f {
			return false
		}
	}
	return true
}

// likely reports whether b, of which l was parsed, goes on like a head: with a
// field or the end. It is for where a head may begin or a body go on. cut says
// that the bytes after b were not captured.
func (l *startLine) likely(b []byte, cut bool) bool {
	if l.n == 0 || l.n == len(b) {
		return cut
	}
	if b[l.n] == '\r' || b[l.n] == '\n' {
		return true
	}
	for i, c := range b[l.n:] {
		if !tokenChar(c) {
			return i > 0 && c == ':'
		}
	}
	return cut
}
