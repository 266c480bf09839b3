package point

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

// pointsFrom builds points from arbitrary bytes: keys and values are cut from
// text, at the places and in the number plan says. Points of one plan tend to
// share keys, as those of a collector do.
func pointsFrom(text string, plan []byte) (points []Point) {
	next := func() (b byte) {
		if len(plan) > 0 {
			b, plan = plan[0], plan[1:]
		}
		return b
	}
	word := func() string {
		from, size := int(next()), int(next())%24
		if len(text) == 0 {
			return ""
		}
		from %= len(text)
		return text[from:min(len(text), from+size)]
	}
	for len(plan) > 0 && len(points) < 8 {
		p := Point{Measurement: word(), Time: int64(int8(next()))}
		if n := next(); n&1 != 0 && len(points) > 0 {
			// The keys of the point before, other values.
			before := points[len(points)-1]
			for _, t := range before.Tags {
				p.Tags = append(p.Tags, Tag{t.Key, word()})
			}
			for _, f := range before.Fields {
				p.Fields = append(p.Fields, Field{f.Key, valueFrom(next(), word())})
			}
		} else {
			for range n >> 1 & 7 {
				p.Tags = append(p.Tags, Tag{word(), word()})
			}
			for range n >> 4 & 7 {
				p.Fields = append(p.Fields, Field{word(), valueFrom(next(), word())})
			}
		}
		points = append(points, p)
	}
	return points
}

func valueFrom(kind byte, text string) Value {
	var b [8]byte
	copy(b[:], text)
	bits := binary.LittleEndian.Uint64(b[:])
	switch kind % 8 {
	case 0:
		return Value{}
	case 1:
		return Int(int64(bits))
	case 2:
		return Uint(bits)
	case 3:
		return Float(math.Float64frombits(bits))
	case 4:
		return Float(float64(int8(bits)))
	case 5:
		return Bool(bits&1 != 0)
	default:
		return String(text)
	}
}

// FuzzAppendLine asserts that whatever a collector builds, the reference
// decoder reads back the conforming point and nothing else, that AppendLine
// and an Encoder that has seen other points write the same, and that a
// conforming point is left alone.
func FuzzAppendLine(f *testing.F) {
	f.Add("m,a=b f=1i\\ #\n\xffé.status", []byte("\x00\x01\x02\x35\x04\x01\x06\x01\x05\x03\x08\x02\x01\x04\x01\x07\x02\x02"), uint8(Network))
	f.Add("hostzone.name\"\\", []byte("\x00\x04\x01\x34\x00\x04\x03\x02\x04\x04\x01\x03\x00\x09\x05\x03\x03\x00\x04\x01\x01\x03\x02\x00\x04\x05\x01\x03"), uint8(Logging))
	f.Add("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabclass", []byte("\x00\x14\x01\x7e\x01\x14\x02\x14\x01\x13\x02\x14\x28\x05\x03\x03"), uint8(Object))
	f.Fuzz(func(t *testing.T, text string, plan []byte, c uint8) {
		category := Category(c%uint8(Security) + 1)
		global := NewTagSet(map[string]string{"host": "h", "z o": "z"}, nil)
		encoder := NewEncoder(category, global, nil)
		for _, p := range pointsFrom(text, plan) {
			line, ok := AppendLine(nil, &p, category, global, nil)
			again, okAgain := encoder.Append(nil, &p)
			if !bytes.Equal(line, again) || ok != okAgain {
				t.Fatalf("%+v: AppendLine writes\n%q, Encoder\n%q", p, line, again)
			}
			want := conform(p, category, nil)
			if ok != (len(want.Fields) > 0) {
				t.Fatalf("%+v: encoded %v, %d fields left", p, ok, len(want.Fields))
			}
			if !ok {
				continue
			}
			for _, tag := range []Tag{{"host", "h"}, {"z o", "z"}} {
				if !want.has(tag.Key) {
					want.Tags = append(want.Tags, tag)
				}
			}
			got, stamped, err := reference(line, lineprotocol.Nanosecond)
			if err != nil || len(got) != 1 {
				t.Fatalf("%q: %d points, %v", line, len(got), err)
			}
			if stamped[0] != (p.Time != 0) {
				t.Fatalf("%q: stamped %v", line, stamped[0])
			}
			if d := diff(got[0], want); d != "" {
				t.Fatalf("%q: %s", line, d)
			}
			clean := conform(want, category, func(w Warning) { t.Fatalf("%+v conforms, yet: %s", want, w.Text) })
			if d := diff(clean, want); d != "" {
				t.Fatalf("%+v conforms, yet: %s", want, d)
			}
		}
	})
}
