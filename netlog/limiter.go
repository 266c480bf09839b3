package netlog

import "sync"

// limiter is a token bucket that all interfaces share. It reads no clock: the
// time comes with each question and never goes back.
type limiter struct {
	mu     sync.Mutex
	rate   int64 // per second; 0: no limit
	tokens int64 // in units of 1/second of a token
	last   int64
}

const second = 1_000_000_000

// newLimiter allows a second's worth at once.
func newLimiter(rate int) *limiter {
	return &limiter{rate: int64(rate), tokens: int64(rate) * second}
}

func (l *limiter) allow(now int64) bool {
	if l.rate == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == 0 {
		l.last = now
	}
	if gone := now - l.last; gone > 0 {
		l.tokens = min(l.tokens+min(gone, second)*l.rate, l.rate*second)
		l.last = now
	}
	if l.tokens < second {
		return false
	}
	l.tokens -= second
	return true
}
