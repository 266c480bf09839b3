// Package point is the data model of the agent: points, their encoding as
// line protocol, the description of measurements, and blocks, the unit that
// travels from a collector to a backend.
//
//	collector ── []Point ──► Sink (internal/feed) ── Block ──► BlockSink (queue, RPC stream, HTTP post)
//
// A point is encoded exactly once, where it is born; nothing downstream
// parses it again.
package point

// Point is one observation: a measurement with tags and fields at a time.
//
// Tags with an empty value are not encoded (line protocol has no empty tag).
// Keys of one point are unique over tags and fields; the collector that
// builds the point is responsible for it.
type Point struct {
	Measurement string
	Tags        []Tag
	Fields      []Field
	Time        int64 // nanoseconds since the Unix epoch; 0 means "when it is fed"
}

// Tag is an indexed label of a point.
type Tag struct{ Key, Value string }

// Field is a named value of a point.
type Field struct {
	Key   string
	Value Value
}
