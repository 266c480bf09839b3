package point

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

// reference decodes body with the decoder of InfluxData, the oracle of these
// tests. It returns the points before the first error, and the error.
func reference(body []byte, precision lineprotocol.Precision) (points []Point, stamped []bool, err error) {
	d := lineprotocol.NewDecoderWithBytes(append([]byte(nil), body...))
	for d.Next() {
		var p Point
		name, err := d.Measurement()
		if err != nil {
			return points, stamped, err
		}
		p.Measurement = string(name)
		for {
			k, v, err := d.NextTag()
			if err != nil {
				return points, stamped, err
			}
			if k == nil {
				break
			}
			p.Tags = append(p.Tags, Tag{string(k), string(v)})
		}
		for {
			k, v, err := d.NextField()
			if err != nil {
				return points, stamped, err
			}
			if k == nil {
				break
			}
			p.Fields = append(p.Fields, Field{string(k), referenceValue(v)})
		}
		t, err := d.Time(precision, time.Time{})
		if err != nil {
			return points, stamped, err
		}
		stamped = append(stamped, !t.IsZero())
		if !t.IsZero() {
			p.Time = t.UnixNano()
		}
		points = append(points, p)
	}
	return points, stamped, nil
}

func referenceValue(v lineprotocol.Value) Value {
	switch v.Kind() {
	case lineprotocol.Int:
		return Int(v.IntV())
	case lineprotocol.Uint:
		return Uint(v.UintV())
	case lineprotocol.Float:
		return Float(v.FloatV())
	case lineprotocol.Bool:
		return Bool(v.BoolV())
	default:
		return String(v.StringV())
	}
}

// diff describes the first difference between two points, "" when there is
// none.
func diff(a, b Point) string {
	switch {
	case a.Measurement != b.Measurement:
		return fmt.Sprintf("measurement %q, %q", a.Measurement, b.Measurement)
	case len(a.Tags) != len(b.Tags):
		return fmt.Sprintf("%d tags, %d tags", len(a.Tags), len(b.Tags))
	case len(a.Fields) != len(b.Fields):
		return fmt.Sprintf("%d fields, %d fields", len(a.Fields), len(b.Fields))
	case a.Time != b.Time:
		return fmt.Sprintf("time %d, %d", a.Time, b.Time)
	}
	for i := range a.Tags {
		if a.Tags[i] != b.Tags[i] {
			return fmt.Sprintf("tag %d: %q, %q", i, a.Tags[i], b.Tags[i])
		}
	}
	for i := range a.Fields {
		if a.Fields[i].Key != b.Fields[i].Key || !sameValue(a.Fields[i].Value, b.Fields[i].Value) {
			return fmt.Sprintf("field %d: %+v, %+v", i, a.Fields[i], b.Fields[i])
		}
	}
	return ""
}

func sameValue(a, b Value) bool {
	if a.Kind() == KindFloat && b.Kind() == KindFloat {
		return math.Float64bits(a.AsFloat()) == math.Float64bits(b.AsFloat())
	}
	return a == b
}

// FuzzScanner asserts that the scanner and the reference decoder accept and
// reject the same bodies and read the same points, and that what the scanner
// splices into a block is what the reference decoder read.
func FuzzScanner(f *testing.F) {
	for _, c := range scannerCases {
		f.Add([]byte(c.body), uint8(Network), uint8(lineprotocol.Nanosecond))
	}
	f.Fuzz(func(t *testing.T, body []byte, category, unit uint8) {
		unit %= uint8(lineprotocol.Second) + 1
		category = category%uint8(Security) + 1
		precision := Nanosecond + Precision(unit) // both count up from nanoseconds
		want, stamped, wantErr := reference(body, lineprotocol.Precision(unit))

		var s Scanner
		s.Reset(body, Category(category), precision)
		var block []byte
		var conforming []Point
		const now = 42
		n := 0
		for s.Next() {
			if n >= len(want) {
				t.Fatalf("line %d of %q is accepted, the reference decoder says %v", n+1, body, wantErr)
			}
			if d := diff(s.Point(), want[n]); d != "" {
				t.Fatalf("point %d of %q: %s", n, body, d)
			}
			if s.Line().Stamped != stamped[n] {
				t.Fatalf("point %d of %q: stamped %v, want %v", n, body, s.Line().Stamped, stamped[n])
			}
			fit := conform(want[n], Category(category), nil)
			if !stamped[n] {
				fit.Time = now
			}
			var ok bool
			if block, ok = s.AppendLine(block, nil, now, nil); ok != (len(fit.Fields) > 0) {
				t.Fatalf("point %d of %q: spliced %v, fields left %d", n, body, ok, len(fit.Fields))
			}
			if ok {
				conforming = append(conforming, fit)
			}
			n++
		}
		if (s.Err() != nil) != (wantErr != nil) {
			t.Fatalf("%q: %v, the reference decoder says %v", body, s.Err(), wantErr)
		}
		if n != len(want) {
			t.Fatalf("%q: %d points, want %d (%v)", body, n, len(want), s.Err())
		}
		got, _, err := reference(block, lineprotocol.Nanosecond)
		if err != nil {
			t.Fatalf("spliced %q: %v", block, err)
		}
		if len(got) != len(conforming) {
			t.Fatalf("spliced %q: %d points, want %d", block, len(got), len(conforming))
		}
		for i := range got {
			if d := diff(got[i], conforming[i]); d != "" {
				t.Fatalf("spliced point %d of %q: %s", i, block, d)
			}
		}
	})
}
