package inputtest

import (
	"strings"
	"testing"

	"datakit.dev/agent/internal/point"
)

func TestCompare(t *testing.T) {
	spec := []point.Measurement{{
		Name: "m", Category: point.Metric, Help: "m",
		Tags:   []point.TagSpec{{Key: "t", Help: "t"}},
		Fields: []point.FieldSpec{{Key: "f", Kind: point.KindInt, Help: "f"}, {Key: "o", Kind: point.KindFloat, Help: "o", Optional: true}},
	}}
	tag, f, o := point.Tag{Key: "t", Value: "v"}, point.Field{Key: "f", Value: point.Int(1)}, point.Field{Key: "o", Value: point.Float(1)}
	tests := []struct {
		name  string
		point point.Point
		all   bool
		want  string
	}{
		{"right", point.Point{Measurement: "m", Tags: []point.Tag{tag}, Fields: []point.Field{f}}, false, ""},
		{"all of it", point.Point{Measurement: "m", Tags: []point.Tag{tag}, Fields: []point.Field{f, o}}, true, ""},
		{"no optional", point.Point{Measurement: "m", Tags: []point.Tag{tag}, Fields: []point.Field{f}}, true, "m/metric: o is never emitted"},
		{"other name", point.Point{Measurement: "x"}, false, "x of category metric is not declared"},
		{"no tag", point.Point{Measurement: "m", Fields: []point.Field{f}}, false, "m/metric: tag t is missing"},
		{"no field", point.Point{Measurement: "m", Tags: []point.Tag{tag}}, false, "m/metric: field f is missing"},
		{"other field", point.Point{Measurement: "m", Tags: []point.Tag{tag}, Fields: []point.Field{f, {Key: "y", Value: point.Int(1)}}}, false, "m/metric: field y is not declared"},
		{"other type", point.Point{Measurement: "m", Tags: []point.Tag{tag}, Fields: []point.Field{{Key: "f", Value: point.Float(1)}}}, false, "m/metric: field f is not declared"},
		{"twice", point.Point{Measurement: "m", Tags: []point.Tag{tag}, Fields: []point.Field{f, f}}, false, "m/metric: field f is there twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(Compare(spec, []Record{{point.Metric, tt.point}}, tt.all), "; "); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if got := Compare([]point.Measurement{{Name: "n", Category: point.Object}}, nil, false); len(got) != 1 || got[0] != "n/object has no help" {
		t.Errorf("got %q", got)
	}
}
