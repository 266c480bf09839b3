package backoff

import (
	"math"
	"testing"
	"time"
)

func constant(v float64) func() float64 { return func() float64 { return v } }

func TestNext(t *testing.T) {
	const s = time.Second
	nearlyOne := math.Nextafter(1, 0)
	tests := []struct {
		name     string
		min, max time.Duration
		random   float64
		want     []time.Duration
	}{
		{"lowest jitter", s, 10 * s, 0, []time.Duration{s, 2 * s, 4 * s, 5 * s, 5 * s}},
		{"middle jitter", s, 10 * s, 0.5, []time.Duration{1500 * time.Millisecond, 3 * s, 6 * s, 7500 * time.Millisecond, 7500 * time.Millisecond}},
		{"highest jitter stays within max", s, 10 * s, nearlyOne, []time.Duration{2*s - 1, 4*s - 1, 8*s - 1, 10*s - 1, 10*s - 1}},
		{"max equals min", s, s, 0.7, []time.Duration{s, s}},
		{"max below twice min", 2 * s, 3 * s, 0, []time.Duration{2 * s, 2 * s}},
		{"max below min becomes min", 4 * s, s, 0.9, []time.Duration{4 * s, 4 * s}},
		{"zero min grows nevertheless", 0, s, 0, []time.Duration{time.Millisecond, 2 * time.Millisecond}},
		{"no overflow", math.MaxInt64 / 2, math.MaxInt64, 0, []time.Duration{math.MaxInt64 / 2, math.MaxInt64 / 2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := New(tt.min, tt.max, constant(tt.random))
			for i, want := range tt.want {
				if got := b.Next(); got != want {
					t.Errorf("delay %d is %v, want %v", i+1, got, want)
				}
			}
		})
	}
}

func TestNextStaysInBounds(t *testing.T) {
	b := New(time.Second, time.Minute, nil)
	last := time.Duration(0)
	distinct := map[time.Duration]bool{}
	for i := range 100 {
		d := b.Next()
		if d < time.Second || d > time.Minute {
			t.Fatalf("delay %d is %v, outside [1s, 1m]", i+1, d)
		}
		if i < 5 && d < last {
			t.Fatalf("delay %d is %v, after %v: delays must grow until the cap", i+1, d, last)
		}
		last = d
		distinct[d] = true
	}
	if len(distinct) < 50 {
		t.Errorf("%d distinct delays of 100: no jitter", len(distinct))
	}
}

func TestReset(t *testing.T) {
	tests := []struct {
		name  string
		reset func(*Backoff)
		want  time.Duration
	}{
		{"after success", (*Backoff).Reset, time.Second},
		{"after a healthy period", func(b *Backoff) { b.Ran(8 * time.Second) }, time.Second},
		{"not after a short life", func(b *Backoff) { b.Ran(7999 * time.Millisecond) }, 4 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := New(time.Second, 8*time.Second, constant(0))
			b.Next()
			b.Next()
			tt.reset(b)
			if got := b.Next(); got != tt.want {
				t.Errorf("next delay is %v, want %v", got, tt.want)
			}
		})
	}
}
