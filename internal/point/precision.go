package point

import (
	"math"
	"time"
)

// Precision is the unit of the timestamps of a posted body.
type Precision uint8

// The precisions of the query argument "precision" of /v1/write/:category.
const (
	// Guess takes the unit from the magnitude of each timestamp: below 1e10
	// seconds, below 1e13 milliseconds, below 1e16 microseconds, from there
	// on nanoseconds. That is right for every time from April 1970 (ms, µs)
	// to the year 2286 (s).
	Guess Precision = iota
	Nanosecond
	Microsecond
	Millisecond
	Second
	Minute
	Hour
)

// precisionUnits holds the length of each unit in nanoseconds.
var precisionUnits = [...]int64{
	Guess: 0, Nanosecond: 1, Microsecond: int64(time.Microsecond), Millisecond: int64(time.Millisecond),
	Second: int64(time.Second), Minute: int64(time.Minute), Hour: int64(time.Hour),
}

// ParsePrecision reads the query argument: n, u, ms, s, m or h, and the
// spellings ns, us and µs of InfluxDB 2. No value means [Guess]; an unknown
// one means [Nanosecond], as DataKit has it.
func ParsePrecision(arg string) Precision {
	switch arg {
	case "":
		return Guess
	case "u", "us", "µs":
		return Microsecond
	case "ms":
		return Millisecond
	case "s":
		return Second
	case "m":
		return Minute
	case "h":
		return Hour
	default:
		return Nanosecond
	}
}

// Nanoseconds converts the timestamp t to nanoseconds since the Unix epoch.
// It reports false when the result lies outside of int64 (years 1677 to 2262).
func (p Precision) Nanoseconds(t int64) (ns int64, ok bool) {
	unit := int64(1)
	switch {
	case p == Guess:
		unit = guessUnit(t)
	case int(p) < len(precisionUnits):
		unit = precisionUnits[p]
	}
	if unit == 1 {
		return t, true
	}
	if t > math.MaxInt64/unit || t < math.MinInt64/unit {
		return 0, false
	}
	return t * unit, true
}

func guessUnit(t int64) int64 {
	switch {
	case -1e10 < t && t < 1e10:
		return int64(time.Second)
	case -1e13 < t && t < 1e13:
		return int64(time.Millisecond)
	case -1e16 < t && t < 1e16:
		return int64(time.Microsecond)
	default:
		return 1
	}
}
