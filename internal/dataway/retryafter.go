package dataway

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds what a backend may ask for, so that one wrong header
// does not stop delivery for days.
const maxRetryAfter = time.Hour

// retryAfter parses the header Retry-After (RFC 9110 section 10.2.3): a number
// of seconds or an HTTP date. A date is measured against the header Date of
// the same reply, so that a difference between the clocks does not matter;
// now stands in where that is absent. What does not parse is 0.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil {
		if seconds > uint64(maxRetryAfter/time.Second) {
			return maxRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}
