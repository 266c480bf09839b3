package point

import "strconv"

// AppendLine appends the current line to dst as a block wants it: with a
// nanosecond timestamp (now when it has none), ended by a newline, and with
// those of the global tags whose key it does not have. The bytes of the
// measurement, tags and fields are copied as they were sent; only a Broken
// line is decoded, made to conform (see conform) and encoded.
//
// It returns dst unchanged and false when a Broken line has no field left.
func (s *Scanner) AppendLine(dst []byte, global *TagSet, now int64, warn Warn) ([]byte, bool) {
	l := &s.line
	if l.Broken {
		p := s.Point()
		if !l.Stamped {
			p.Time = now
		}
		return appendStamped(dst, &p, s.category, global, warn)
	}
	dst = append(dst, s.body[l.Start:l.TagsEnd]...)
	if global != nil {
		for i := range global.tags {
			if t := &global.tags[i]; !s.has(t.token.name, t.token.print) {
				dst = append(dst, t.text...)
			}
		}
	}
	dst = append(dst, ' ')
	dst = append(dst, s.body[l.Fields:l.FieldsEnd]...)
	dst = append(dst, ' ')
	if l.Stamped {
		now = l.Time
	}
	dst = strconv.AppendInt(dst, now, 10)
	return append(dst, '\n'), true
}

// appendStamped is AppendLine for a point whose time 0 is meant: a client may
// send the epoch itself.
func appendStamped(dst []byte, p *Point, c Category, global *TagSet, warn Warn) ([]byte, bool) {
	epoch := p.Time == 0
	dst, ok := AppendLine(dst, p, c, global, warn)
	if ok && epoch {
		dst = append(dst[:len(dst)-1], " 0\n"...)
	}
	return dst, ok
}
