package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"datakit.dev/agent/internal/point"
)

// jsonDecoder reads a JSON array of points, one at a time, each of the form
//
//	{"measurement": "…", "tags": {"k": "v"}, "fields": {"k": 1.5}, "time": 1700000000}
//
// JSON has one type of number, and the same field may come as 1 and as 1.5,
// so every number becomes a float, as in DataKit: an integer would conflict
// with the float in the backend. Other keys of a point are ignored.
type jsonDecoder struct {
	body      []byte
	dec       *json.Decoder
	precision point.Precision

	p       point.Point // the current point
	stamped bool        // it has a time
}

func newJSONDecoder(body []byte, precision point.Precision) *jsonDecoder {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	return &jsonDecoder{body: body, dec: dec, precision: precision}
}

// decode calls each with every point; the point is valid until each returns.
// The error has the line and column where the body is wrong.
func (d *jsonDecoder) decode(each func(p *point.Point, stamped bool) error) error {
	err := d.array(each)
	if err == nil {
		if _, err = d.dec.Token(); err == io.EOF {
			return nil
		} else if err == nil {
			err = errors.New("want nothing behind the array of points")
		}
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	line, column := d.position()
	return fmt.Errorf("line %d, column %d: %w", line, column, err)
}

func (d *jsonDecoder) array(each func(*point.Point, bool) error) error {
	if err := d.open('[', "an array of points"); err != nil {
		return err
	}
	for d.dec.More() {
		if err := d.point(); err != nil {
			return err
		}
		if err := each(&d.p, d.stamped); err != nil {
			return err
		}
	}
	_, err := d.dec.Token()
	return err
}

// position is just behind the last token that was read, in bytes, from 1.
func (d *jsonDecoder) position() (line, column int) {
	at := int(d.dec.InputOffset())
	before := d.body[:min(max(at, 0), len(d.body))]
	return bytes.Count(before, []byte{'\n'}) + 1, len(before) - bytes.LastIndexByte(before, '\n')
}

// open reads the beginning of an array or object.
func (d *jsonDecoder) open(delim json.Delim, what string) error {
	t, err := d.dec.Token()
	if err == nil && t != delim {
		err = fmt.Errorf("want %s", what)
	}
	return err
}

func (d *jsonDecoder) point() error {
	d.p = point.Point{Tags: d.p.Tags[:0], Fields: d.p.Fields[:0]}
	d.stamped = false
	return d.object("a point", func(key string) error {
		switch key {
		case "measurement":
			return d.text("the name of a measurement", &d.p.Measurement)
		case "tags":
			return d.object("an object of tags", d.tag)
		case "fields":
			return d.object("an object of fields", d.field)
		case "time":
			return d.time()
		default:
			var ignored json.RawMessage
			return d.dec.Decode(&ignored)
		}
	})
}

// object calls member with every key of an object; member reads the value.
func (d *jsonDecoder) object(what string, member func(key string) error) error {
	if err := d.open('{', what); err != nil {
		return err
	}
	for d.dec.More() {
		t, err := d.dec.Token()
		if err != nil {
			return err
		}
		if err := member(t.(string)); err != nil { // the decoder has checked that a key is a string
			return err
		}
	}
	_, err := d.dec.Token()
	return err
}

func (d *jsonDecoder) text(what string, to *string) error {
	t, err := d.dec.Token()
	if err != nil {
		return err
	}
	s, ok := t.(string)
	if !ok {
		return fmt.Errorf("want a string as %s", what)
	}
	*to = s
	return nil
}

// tag keeps one tag more than the rules allow, so that the excess is seen and
// memory stays bounded.
func (d *jsonDecoder) tag(key string) error {
	t := point.Tag{Key: key}
	if err := d.text("value of tag "+strconv.Quote(key), &t.Value); err != nil {
		return err
	}
	if len(d.p.Tags) <= point.MaxTags {
		d.p.Tags = append(d.p.Tags, t)
	}
	return nil
}

func (d *jsonDecoder) field(key string) error {
	t, err := d.dec.Token()
	if err != nil {
		return err
	}
	f := point.Field{Key: key}
	switch v := t.(type) {
	case json.Number:
		n, err := strconv.ParseFloat(v.String(), 64)
		if err != nil {
			return fmt.Errorf("want a number of 64-bit floating point as field %q", key)
		}
		f.Value = point.Float(n)
	case string:
		f.Value = point.String(v)
	case bool:
		f.Value = point.Bool(v)
	case nil: // the zero Value, for which there is a rule
	default:
		return fmt.Errorf("want a number, a string, true, false or null as field %q", key)
	}
	if len(d.p.Fields) <= point.MaxFields {
		d.p.Fields = append(d.p.Fields, f)
	}
	return nil
}

func (d *jsonDecoder) time() error {
	t, err := d.dec.Token()
	if err != nil || t == nil {
		return err
	}
	n, ok := t.(json.Number)
	if !ok {
		return errors.New("want an integer as time")
	}
	at, err := integer(n.String())
	if err != nil {
		return errors.New("want a 64-bit integer as time")
	}
	if d.p.Time, ok = d.precision.Nanoseconds(at); !ok {
		return errors.New("want a time between the years 1677 and 2262")
	}
	d.stamped = true
	return nil
}

// integer reads 1700000000 and also 1.7e9, which some JSON libraries make of it.
func integer(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil {
		return n, nil
	}
	f, ferr := strconv.ParseFloat(s, 64)
	if ferr != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0, err
	}
	return int64(f), nil
}
