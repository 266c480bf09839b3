package httpapi

import (
	"net/netip"
	"sync"
	"time"
)

// maxClients bounds the table of a rateLimit. When more addresses than that
// call within the time to live, newcomers share one bucket: a flood from
// forged or rotating addresses slows itself and costs no memory.
const maxClients = 4096

// rateLimit is a token bucket per client address.
type rateLimit struct {
	rate  float64 // requests per second; 0: no limit
	burst float64
	ttl   time.Duration
	now   func() time.Time

	mu      sync.Mutex
	clients map[netip.Addr]*bucket
	others  bucket // of those who found the table full
	sweep   time.Time
}

type bucket struct {
	tokens float64
	at     time.Time // when tokens was right; zero: never used, the bucket is full
}

func newRateLimit(rate float64, burst int, ttl time.Duration, now func() time.Time) *rateLimit {
	return &rateLimit{rate: rate, burst: max(float64(burst), 1), ttl: ttl, now: now, clients: map[netip.Addr]*bucket{}}
}

// take asks for one request of addr. When it is too many it returns how long
// the client should wait. IPv6 clients are told apart by their /64, which is
// what one host owns.
func (l *rateLimit) take(addr netip.Addr) (wait time.Duration, ok bool) {
	if l.rate <= 0 {
		return 0, true
	}
	if addr.Is6() {
		addr = netip.PrefixFrom(addr, 64).Masked().Addr()
	}
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget(now)
	b := l.clients[addr]
	if b == nil {
		b = &l.others
		if len(l.clients) < maxClients {
			b = &bucket{}
			l.clients[addr] = b
		}
	}
	return b.take(now, l.rate, l.burst)
}

// forget drops clients that were silent for the time to live, at most once
// in that time.
func (l *rateLimit) forget(now time.Time) {
	if now.Before(l.sweep) {
		return
	}
	l.sweep = now.Add(l.ttl)
	for addr, b := range l.clients {
		if now.Sub(b.at) >= l.ttl {
			delete(l.clients, addr)
		}
	}
}

func (b *bucket) take(now time.Time, rate, burst float64) (time.Duration, bool) {
	if b.at.IsZero() {
		b.tokens = burst
	} else if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(burst, b.tokens+passed.Seconds()*rate)
	}
	b.at = now
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / rate * float64(time.Second)), false
	}
	b.tokens--
	return 0, true
}
