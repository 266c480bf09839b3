package point

import (
	"slices"
	"strings"
	"testing"
)

func TestSplice(t *testing.T) {
	global := NewTagSet(map[string]string{"host": "h 1", "z,o": "z"}, nil)
	tests := []struct {
		name      string
		category  Category
		precision Precision
		body      string
		want      string
		warnings  []WarningType
	}{
		{"bytes as sent", Network, Nanosecond, "m\\ x,a=b\\=c f=1.50,s=\"\\n\" 5\n", "m\\ x,a=b\\=c,host=h\\ 1,z\\,o=z f=1.50,s=\"\\n\" 5\n", nil},
		{"no tags", Network, Nanosecond, "m f=1 5", "m,host=h\\ 1,z\\,o=z f=1 5\n", nil},
		{"no time", Network, Nanosecond, "m f=1", "m,host=h\\ 1,z\\,o=z f=1 42\n", nil},
		{"the epoch", Network, Nanosecond, "m f=1 0", "m,host=h\\ 1,z\\,o=z f=1 0\n", nil},
		{"key present as tag", Network, Nanosecond, "m,host=x,z\\,o=y f=1 5", "m,host=x,z\\,o=y f=1 5\n", nil},
		{"key present as field", Network, Nanosecond, "m host=1,z\\,o=2 5", "m host=1,z\\,o=2 5\n", nil},
		{"blanks, comments and CR LF go", Network, Nanosecond, "# c\r\n\n  m,a=b   f=1   5  \r\n", "m,a=b,host=h\\ 1,z\\,o=z f=1 5\n", nil},
		{"scaled", Network, Second, "m,host=a,z\\,o=z f=1 1700000000", "m,host=a,z\\,o=z f=1 1700000000000000000\n", nil},
		{"guessed", Network, Guess, "m,host=a,z\\,o=z f=1 1700000000123", "m,host=a,z\\,o=z f=1 1700000000123000000\n", nil},
		{"duplicate key", Network, Nanosecond, "m,a=1,a=2 f=1,f=2", "m,a=1,host=h\\ 1,z\\,o=z f=1 42\n", []WarningType{WarnConflict, WarnConflict}},
		{"key as tag and field", Network, Nanosecond, "m,a=1 a=1,f=2 0", "m,a=1,host=h\\ 1,z\\,o=z f=2 0\n", []WarningType{WarnConflict}},
		{"hexadecimal float", Network, Nanosecond, "m,host=a,z\\,o=z f=0x1p4 5", "m,host=a,z\\,o=z f=16 5\n", nil},
		{"dots in logging", Logging, Nanosecond, "m,a.b=1 f=1,status=\"ok\" 5", "m,a_b=1,host=h\\ 1,z\\,o=z f=1,status=\"ok\" 5\n", []WarningType{WarnDot}},
		{"logging as it should be", Logging, Nanosecond, "m,status=ok f=1.0 5", "m,status=ok,host=h\\ 1,z\\,o=z f=1.0 5\n", nil},
		{"logging without status", Logging, Nanosecond, "m f=1 5", "m,host=h\\ 1,z\\,o=z f=1,status=\"info\" 5\n", nil},
		{"string in metric", Metric, Nanosecond, "m f=1,s=\"x\" 5", "m,host=h\\ 1,z\\,o=z f=1 5\n", []WarningType{WarnFieldType}},
		{"only a string in metric", Metric, Nanosecond, "m s=\"x\" 5", "", []WarningType{WarnFieldType, WarnNoFields}},
		{"long key", Network, Nanosecond, "m,host=a,z\\,o=z " + strings.Repeat("k", 300) + "=1 5",
			"m,host=a,z\\,o=z " + strings.Repeat("k", 256) + "=1 5\n", []WarningType{WarnMaxKey}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var types []WarningType
			var s Scanner
			s.Reset([]byte(tt.body), tt.category, tt.precision)
			if !s.Next() {
				t.Fatal(s.Err())
			}
			got, ok := s.AppendLine(nil, global, 42, func(w Warning) { types = append(types, w.Type) })
			if string(got) != tt.want || ok != (tt.want != "") {
				t.Errorf("%v %q, want %q", ok, got, tt.want)
			}
			if !slices.Equal(types, tt.warnings) {
				t.Errorf("warnings %v, want %v", types, tt.warnings)
			}
		})
	}
}
