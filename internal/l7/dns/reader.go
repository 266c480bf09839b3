package dns

import "encoding/binary"

// reader walks over the parts of a message.
type reader struct {
	msg []byte
	at  int
}

// record is a resource record without its name.
type record struct {
	kind, class uint16
	ttl         uint32
	data        []byte
}

func (r *reader) skip(n int) error {
	if len(r.msg)-r.at < n {
		return ErrShort
	}
	r.at += n
	return nil
}

func (r *reader) uint16() (uint16, error) {
	if err := r.skip(2); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint16(r.msg[r.at-2:]), nil
}

// record reads what follows a name: RFC 1035 section 4.1.3.
func (r *reader) record() (record, error) {
	const fixed = 10
	if err := r.skip(fixed); err != nil {
		return record{}, err
	}
	b := r.msg[r.at-fixed:]
	n := int(binary.BigEndian.Uint16(b[8:]))
	if err := r.skip(n); err != nil {
		return record{}, err
	}
	return record{
		kind: binary.BigEndian.Uint16(b), class: binary.BigEndian.Uint16(b[2:]),
		ttl: binary.BigEndian.Uint32(b[4:]), data: b[fixed : fixed+n],
	}, nil
}

// skipName goes behind a name. It does not follow pointers.
func (r *reader) skipName() error {
	for {
		if r.at >= len(r.msg) {
			return ErrShort
		}
		switch n := int(r.msg[r.at]); {
		case n == 0:
			return r.skip(1)
		case n >= 0xc0:
			return r.skip(2)
		case n >= 0x40:
			return ErrName
		default:
			if err := r.skip(1 + n); err != nil {
				return err
			}
		}
	}
}

// name appends the text of a name to dst and goes behind it.
//
// A pointer must lead to a place before the one it, and the last pointer, led
// from (RFC 1035 section 4.1.4: "a prior occurrence"), so that no name is
// endless. A name has at most 255 bytes, pointers resolved, so at most 127
// labels; more pointers than that lead nowhere and are refused.
func (r *reader) name(dst []byte) ([]byte, error) {
	begin, wire, jumps := len(dst), 0, 0
	before := r.at // where the part being read begins
	behind := -1   // the place behind the name, once a pointer was followed
	at := r.at
	for {
		if at >= len(r.msg) {
			return dst, ErrShort
		}
		n := int(r.msg[at])
		switch {
		case n == 0:
			if behind < 0 {
				behind = at + 1
			}
			r.at = behind
			if len(dst) == begin {
				dst = append(dst, '.')
			}
			return dst, nil
		case n >= 0xc0:
			if at+2 > len(r.msg) {
				return dst, ErrShort
			}
			if behind < 0 {
				behind = at + 2
			}
			at = int(binary.BigEndian.Uint16(r.msg[at:]) & 0x3fff)
			if jumps++; at >= before || jumps > maxJumps {
				return dst, ErrName
			}
			before = at
		case n >= 0x40: // RFC 6891 section 5: other label types are not in use
			return dst, ErrName
		default:
			if wire += 1 + n; wire >= maxName { // the root is one more
				return dst, ErrName
			}
			if at+1+n > len(r.msg) {
				return dst, ErrShort
			}
			if len(dst) > begin {
				dst = append(dst, '.')
			}
			dst = appendLabel(dst, r.msg[at+1:at+1+n])
			at += 1 + n
		}
	}
}

// appendLabel writes a label in lower case, escaped where it must be.
func appendLabel(dst, label []byte) []byte {
	for _, c := range label {
		switch {
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c+'a'-'A')
		case c == '.' || c == '\\':
			dst = append(dst, '\\', c)
		case '!' <= c && c <= '~':
			dst = append(dst, c)
		default:
			dst = append(dst, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
		}
	}
	return dst
}
