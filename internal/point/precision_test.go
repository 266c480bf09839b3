package point

import (
	"math"
	"testing"
)

func TestPrecision(t *testing.T) {
	tests := []struct {
		arg    string
		in, ns int64
		ok     bool
	}{
		{"n", 5, 5, true},
		{"ns", 5, 5, true},
		{"nonsense", 5, 5, true},
		{"u", 5, 5_000, true},
		{"us", 5, 5_000, true},
		{"ms", -5, -5_000_000, true},
		{"s", 5, 5_000_000_000, true},
		{"m", 5, 300_000_000_000, true},
		{"h", 5, 18_000_000_000_000, true},
		{"n", math.MaxInt64, math.MaxInt64, true},
		{"s", math.MaxInt64 / 1_000_000_000, 9223372036_000_000_000, true},
		{"s", math.MaxInt64/1_000_000_000 + 1, 0, false},
		{"s", math.MinInt64/1_000_000_000 - 1, 0, false},
		{"h", math.MinInt64, 0, false},
		{"", 0, 0, true},
		{"", 1_700_000_000, 1_700_000_000_000_000_000, true},
		{"", 9_999_999_999, 0, false}, // the year 2286 in seconds is beyond int64 nanoseconds
		{"", 1_700_000_000_123, 1_700_000_000_123_000_000, true},
		{"", 1_700_000_000_123_456, 1_700_000_000_123_456_000, true},
		{"", 1_700_000_000_123_456_789, 1_700_000_000_123_456_789, true},
		{"", 10_000_000_000, 10_000_000_000_000_000, true},
		{"", 10_000_000_000_000, 10_000_000_000_000_000, true},
		{"", 10_000_000_000_000_000, 10_000_000_000_000_000, true},
		{"", -1_700_000_000, -1_700_000_000_000_000_000, true},
		{"", math.MinInt64, math.MinInt64, true},
	}
	for _, tt := range tests {
		if ns, ok := ParsePrecision(tt.arg).Nanoseconds(tt.in); ns != tt.ns || ok != tt.ok {
			t.Errorf("%q %d: %d %v, want %d %v", tt.arg, tt.in, ns, ok, tt.ns, tt.ok)
		}
	}
}
