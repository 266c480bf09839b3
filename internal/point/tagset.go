package point

import (
	"maps"
	"slices"
)

// TagSet holds tags that are added to every point that does not have their
// key, neither as tag nor as field: the global tags. It is encoded once. A nil
// TagSet is empty. It is safe for concurrent use.
type TagSet struct{ tags []encodedTag }

type encodedTag struct {
	key   named  // as in a Point
	token named  // as in a line, escaped
	text  string // ",key=value", escaped
}

// NewTagSet encodes tags, sorted by key. The point rules apply to them; an
// empty value means no tag.
func NewTagSet(tags map[string]string, warn Warn) *TagSet {
	var p Point
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		p.Tags = append(p.Tags, Tag{Key: k, Value: tags[k]})
	}
	set := &TagSet{}
	for _, t := range conform(p, 0, warn).Tags {
		token := string(appendToken(nil, t.Key, ""))
		text := "," + token + "=" + string(appendToken(nil, t.Value, ""))
		set.tags = append(set.tags, encodedTag{key: key(t.Key), token: key(token), text: text})
	}
	return set
}

// appendAbsent appends the tags whose key p lacks; keys holds the
// fingerprints of all keys of p.
func (s *TagSet) appendAbsent(dst []byte, p *Point, keys *bitmap) []byte {
	if s == nil {
		return dst
	}
	for i := range s.tags {
		t := &s.tags[i]
		if keys.has(t.key.print) && p.has(t.key.name) {
			continue
		}
		dst = append(dst, t.text...)
	}
	return dst
}

// overlaps reports whether one of keys is among the global tags.
func (s *TagSet) overlaps(keys []string) bool {
	return s != nil && slices.ContainsFunc(s.tags, func(t encodedTag) bool { return slices.Contains(keys, t.key.name) })
}

// has reports whether p carries key as an encodable tag or as a field.
func (p *Point) has(key string) bool {
	for i := range p.Tags {
		if p.Tags[i].Key == key && p.Tags[i].Value != "" {
			return true
		}
	}
	for i := range p.Fields {
		if p.Fields[i].Key == key {
			return true
		}
	}
	return false
}
