package point

import "unsafe"

// Encoder encodes the points of one category, as [AppendLine] does, and
// remembers the keys of the point before: collectors send runs of points with
// the same keys, and what was found good once needs no second look. It is not
// safe for concurrent use.
type Encoder struct {
	category Category
	global   *TagSet
	warn     Warn
	last     shape
}

// NewEncoder returns an encoder that adds the global tags and tells warn about
// broken point rules.
func NewEncoder(c Category, global *TagSet, warn Warn) *Encoder {
	return &Encoder{category: c, global: global, warn: warn}
}

// SetGlobal replaces the global tags.
func (e *Encoder) SetGlobal(global *TagSet) {
	e.global = global
	e.last = shape{}
}

// Append appends p to dst, as [AppendLine] does.
func (e *Encoder) Append(dst []byte, p *Point) ([]byte, bool) {
	return appendLine(dst, p, e.category, e.global, e.warn, &e.last)
}

// shape is the list of keys of a point that obeys the rules, and what follows
// from the keys alone. The zero shape fits no point.
type shape struct {
	tags, fields []string
	text         []byte // the keys as they are written: ",tag=" … " field=" ",field=" …
	ends         []int  // of each of them
	global       []byte // text of the global tags such a point lacks
	fixed        bool   // an empty tag value, which is no tag, would change what follows
}

// fits reports whether p has these keys. A nil shape fits no point.
func (s *shape) fits(p *Point) bool {
	if s == nil || len(s.fields) != len(p.Fields) || len(s.tags) != len(p.Tags) {
		return false
	}
	for i, key := range s.tags {
		t := &p.Tags[i]
		if !same(t.Key, key) || s.fixed && t.Value == "" {
			return false
		}
	}
	for i, key := range s.fields {
		if !same(p.Fields[i].Key, key) {
			return false
		}
	}
	return true
}

// remember makes s the shape of p, which obeys the rules r and lacks the
// global tags in added.
func (s *shape) remember(p *Point, r *rules, global *TagSet, added []byte) {
	s.tags, s.fields, s.text, s.ends = s.tags[:0], s.fields[:0], s.text[:0], s.ends[:0]
	for i := range p.Tags {
		if p.Tags[i].Value == "" {
			return // without fields: the key of a tag that is none has not been checked
		}
		s.tags = append(s.tags, p.Tags[i].Key)
		s.write(',', p.Tags[i].Key)
	}
	separator := byte(' ')
	for i := range p.Fields {
		s.fields = append(s.fields, p.Fields[i].Key)
		s.write(separator, p.Fields[i].Key)
		separator = ','
	}
	s.global = append(s.global[:0], added...)
	s.fixed = r.required.name != "" || global.overlaps(s.tags)
}

func (s *shape) write(separator byte, key string) {
	s.text = append(s.text, separator)
	s.text = appendToken(s.text, key, "")
	s.text = append(s.text, '=')
	s.ends = append(s.ends, len(s.text))
}

// label returns key i, tags before fields, as it is written.
func (s *shape) label(i int) []byte {
	start := 0
	if i > 0 {
		start = s.ends[i-1]
	}
	return s.text[start:s.ends[i]]
}

// same is a == b for strings that are mostly one and the same constant.
func same(a, b string) bool {
	return len(a) == len(b) && unsafe.StringData(a) == unsafe.StringData(b) || a == b
}
