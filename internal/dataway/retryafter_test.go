package dataway

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 21, 4, 41, 0, 0, time.UTC)
	tests := []struct {
		name, value, date string
		want              time.Duration
	}{
		{"absent", "", "", 0},
		{"seconds", "120", "", 2 * time.Minute},
		{"seconds in white space", " 1 ", "", time.Second},
		{"zero", "0", "", 0},
		{"bounded seconds", "86400", "", time.Hour},
		{"seconds beyond an int", "18446744073709551615", "", time.Hour},
		{"seconds beyond any number", "99999999999999999999", "", 0},
		{"negative", "-1", "", 0},
		{"fraction", "1.5", "", 0},
		{"words", "soon", "", 0},
		{"IMF date", "Sat, 21 Nov 2026 04:41:30 GMT", "", 30 * time.Second},
		{"RFC 850 date", "Saturday, 21-Nov-26 04:41:30 GMT", "", 30 * time.Second},
		{"asctime date", "Sat Nov 21 04:41:30 2026", "", 30 * time.Second},
		{"past date", "Sat, 21 Nov 2026 04:40:00 GMT", "", 0},
		{"bounded date", "Sun, 21 Nov 2027 04:40:00 GMT", "", time.Hour},
		{"date of a backend whose clock is a day ahead", "Sun, 22 Nov 2026 04:41:30 GMT", "Sun, 22 Nov 2026 04:41:00 GMT", 30 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			h.Set("Retry-After", tt.value)
			h.Set("Date", tt.date)
			if got := retryAfter(h, now); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "0", "7", "3600", "Sat, 21 Nov 2026 04:41:30 GMT", "Saturday, 21-Nov-26 04:41:30 GMT", "9223372036854775807", "-9", "1e3"} {
		f.Add(s, "Sat, 21 Nov 2026 04:41:00 GMT")
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		h := http.Header{"Retry-After": {value}, "Date": {date}}
		if got := retryAfter(h, time.Unix(1_795_000_000, 0)); got < 0 || got > maxRetryAfter {
			t.Errorf("Retry-After %q with Date %q: %v", value, date, got)
		}
	})
}
