package inputs

import (
	"time"

	"datakit.dev/agent/internal/point"
)

// Counter is a field that a kernel counts.
type Counter struct {
	Key, Unit string
	Help      string // a sentence without its full stop
	Rate      bool   // there is also a field <key>/sec, its growth
}

// Specs describe the fields that Append appends.
func (c Counter) Specs() []point.FieldSpec {
	specs := []point.FieldSpec{{Key: c.Key, Unit: c.Unit, Kind: point.KindInt, Help: c.Help + "."}}
	if c.Rate {
		specs = append(specs, point.FieldSpec{
			Key: c.Key + "/sec", Unit: c.Unit + "/s", Kind: point.KindFloat, Optional: true,
			Help: c.Help + " per second; absent the first time and after a reset.",
		})
	}
	return specs
}

// Append appends the fields of the counter to those of a point. elapsed is
// the time since it was before; 0 where that is not known.
func (c Counter) Append(to []point.Field, before, after int64, elapsed time.Duration) []point.Field {
	to = append(to, point.Field{Key: c.Key, Value: point.Int(after)})
	if !c.Rate {
		return to
	}
	if rate, ok := Rate(uint64(before), uint64(after), elapsed); ok {
		to = append(to, point.Field{Key: c.Key + "/sec", Value: point.Float(rate)})
	}
	return to
}

// Counters are those of a T, as one line of a file of /proc.
type Counters[T any] []struct {
	Counter
	Of func(*T) uint64
}

// Specs describe the fields that Fields makes.
func (c Counters[T]) Specs() (specs []point.FieldSpec) {
	for _, one := range c {
		specs = append(specs, one.Specs()...)
	}
	return specs
}

// Fields makes the fields of a point. elapsed is the time since before; 0
// where there is nothing to compare with.
func (c Counters[T]) Fields(before, after *T, elapsed time.Duration) []point.Field {
	fields := make([]point.Field, 0, 2*len(c))
	for i := range c {
		fields = c[i].Append(fields, int64(c[i].Of(before)), int64(c[i].Of(after)), elapsed)
	}
	return fields
}

// Rate is the growth of a counter per second. It is false, and the rate
// unknown, when the counter went backwards (it was reset) or no time passed.
// elapsed is to come from the monotonic clock.
func Rate(before, after uint64, elapsed time.Duration) (perSecond float64, ok bool) {
	if after < before || elapsed <= 0 {
		return 0, false
	}
	return float64(after-before) / elapsed.Seconds(), true
}
