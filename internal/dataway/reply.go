package dataway

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Verdict says what to do with a body after an attempt to deliver it.
type Verdict uint8

// The verdicts.
const (
	Retry    Verdict = iota // 408, 429, 5xx, network errors: try again
	Done                    // 2xx: delivered
	Slow                    // 401, 403, 404, 407, 3xx: the data is good, someone has to act; try again slowly
	TooLarge                // 413: send it in smaller parts
	Bad                     // 400, 422, other 4xx: this body will never be taken
)

// String returns the name of the verdict for logs.
func (v Verdict) String() string {
	switch v {
	case Retry:
		return "retry"
	case Done:
		return "done"
	case Slow:
		return "slow"
	case TooLarge:
		return "too_large"
	case Bad:
		return "bad"
	default:
		return fmt.Sprintf("verdict(%d)", uint8(v))
	}
}

// Reply is the outcome of one attempt.
type Reply struct {
	Verdict Verdict
	Status  int           // HTTP status; 0 when there was none
	After   time.Duration // with Retry: what the backend asks to wait (Retry-After); 0 when it does not say
	Sample  string        // start of the reply's body, secrets removed
	Date    time.Time     // of the backend's clock, from the header Date; zero when absent

	// Rejected, with Bad, is how many points the backend left out when it
	// wrote the others ("partial write"); 0 when it does not say so.
	Rejected int

	// Warning tells that a changed certificate or key could not be read and
	// the one read before is still in use.
	Warning string
}

// partialWrite is how InfluxDB 1.x and 2.x tell that they wrote a part.
var partialWrite = regexp.MustCompile(`partial write.* dropped=(\d+)`)

// rejected returns how many points a partial write left out.
func rejected(body string) int {
	m := partialWrite.FindStringSubmatch(body)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return n
}

// classify maps a status to a verdict. body is the start of the reply.
func classify(kind Kind, status int, body string) Verdict {
	switch {
	case status >= 200 && status < 300:
		return Done
	case status >= 300 && status < 400:
		return Slow
	case status == http.StatusBadRequest && kind == Influx1 && strings.Contains(body, "database is required"):
		return Slow // InfluxDB 1.x: the configuration lacks db, the data is good
	}
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return Retry
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusProxyAuthRequired:
		return Slow
	case http.StatusRequestEntityTooLarge:
		return TooLarge
	}
	if status >= 400 && status < 500 {
		return Bad
	}
	return Retry
}
