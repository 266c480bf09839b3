package httpapi

import (
	"encoding/json"
	"strconv"

	"datakit.dev/agent/internal/point"
)

// appendJSON appends p in the form jsonDecoder reads, for echo=json. Integers
// stay integers here: it shows what has been stored.
func appendJSON(dst []byte, p *point.Point) []byte {
	dst = append(dst, `{"measurement":`...)
	dst = appendQuoted(dst, p.Measurement)
	dst = append(dst, `,"tags":{`...)
	for i, t := range p.Tags {
		dst = appendKey(dst, i, t.Key)
		dst = appendQuoted(dst, t.Value)
	}
	dst = append(dst, `},"fields":{`...)
	for i, f := range p.Fields {
		dst = appendKey(dst, i, f.Key)
		dst = appendValue(dst, f.Value)
	}
	dst = append(dst, `},"time":`...)
	dst = strconv.AppendInt(dst, p.Time, 10)
	return append(dst, '}')
}

func appendKey(dst []byte, i int, key string) []byte {
	if i > 0 {
		dst = append(dst, ',')
	}
	return append(appendQuoted(dst, key), ':')
}

func appendValue(dst []byte, v point.Value) []byte {
	switch v.Kind() {
	case point.KindInt:
		return strconv.AppendInt(dst, v.AsInt(), 10)
	case point.KindUint:
		return strconv.AppendUint(dst, v.AsUint(), 10)
	case point.KindFloat:
		return strconv.AppendFloat(dst, v.AsFloat(), 'g', -1, 64)
	case point.KindBool:
		return strconv.AppendBool(dst, v.AsBool())
	case point.KindString:
		return appendQuoted(dst, v.AsString())
	default:
		return append(dst, "null"...)
	}
}

func appendQuoted(dst []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil { // json.Marshal has no error for a string
		return append(dst, `""`...)
	}
	return append(dst, quoted...)
}
