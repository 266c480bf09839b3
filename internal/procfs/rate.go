package procfs

import "time"

// Rate is the growth of a counter per second. It is false, and the rate
// unknown, when the counter went backwards (it was reset) or no time passed.
// elapsed is to come from the monotonic clock.
func Rate(before, after uint64, elapsed time.Duration) (perSecond float64, ok bool) {
	if after < before || elapsed <= 0 {
		return 0, false
	}
	return float64(after-before) / elapsed.Seconds(), true
}
