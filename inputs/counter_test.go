package inputs

import (
	"math"
	"slices"
	"testing"
	"time"

	"datakit.dev/agent/internal/point"
)

func TestRate(t *testing.T) {
	tests := []struct {
		name          string
		before, after uint64
		elapsed       time.Duration
		want          float64
		ok            bool
	}{
		{"not divided as integers", 1, 2, 3 * time.Second, 1.0 / 3, true},
		{"idle", 5, 5, time.Second, 0, true},
		{"reset", 5, 4, time.Second, 0, false},
		{"no time", 1, 2, 0, 0, false},
		{"whole range", 0, math.MaxUint64, time.Second, math.MaxUint64, true},
	}
	for _, tt := range tests {
		if got, ok := Rate(tt.before, tt.after, tt.elapsed); got != tt.want || ok != tt.ok {
			t.Errorf("%s: %v %v, want %v %v", tt.name, got, ok, tt.want, tt.ok)
		}
	}
}

// What is described is what is appended: a rate where there is one.
func TestCounter(t *testing.T) {
	reads := Counter{Key: "reads", Unit: "B", Help: "Bytes read", Rate: true}
	value := point.Field{Key: "reads", Value: point.Int(7)}
	rate := point.Field{Key: "reads/sec", Value: point.Float(2)}
	for name, tc := range map[string]struct {
		counter Counter
		before  int64
		elapsed time.Duration
		want    []point.Field
	}{
		"rate":        {reads, 3, 2 * time.Second, []point.Field{value, rate}},
		"first time":  {reads, 0, 0, []point.Field{value}},
		"reset":       {reads, 8, time.Second, []point.Field{value}},
		"not a rate":  {Counter{Key: "reads"}, 3, time.Second, []point.Field{value}},
		"beyond 2^63": {reads, math.MaxInt64, time.Second, []point.Field{value}},
	} {
		if got := tc.counter.Append(nil, tc.before, 7, tc.elapsed); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %v, want %v", name, got, tc.want)
		}
	}
	want := []point.FieldSpec{
		{Key: "reads", Unit: "B", Kind: point.KindInt, Help: "Bytes read."},
		{Key: "reads/sec", Unit: "B/s", Kind: point.KindFloat, Optional: true, Help: "Bytes read per second; absent the first time and after a reset."},
	}
	if got := reads.Specs(); !slices.Equal(got, want) {
		t.Errorf("described as %+v", got)
	}
}

func TestCounters(t *testing.T) {
	type numbers struct{ a, b uint64 }
	counters := Counters[numbers]{
		{Counter{Key: "a", Unit: "B", Help: "A", Rate: true}, func(n *numbers) uint64 { return n.a }},
		{Counter{Key: "b", Unit: "count", Help: "B"}, func(n *numbers) uint64 { return n.b }},
	}
	want := []point.Field{{Key: "a", Value: point.Int(5)}, {Key: "a/sec", Value: point.Float(2)}, {Key: "b", Value: point.Int(math.MinInt64)}}
	if got := counters.Fields(&numbers{1, 2}, &numbers{5, 1 << 63}, 2*time.Second); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	var keys []string
	for _, s := range counters.Specs() {
		keys = append(keys, s.Key)
	}
	if !slices.Equal(keys, []string{"a", "a/sec", "b"}) {
		t.Errorf("described are %q", keys)
	}
}
