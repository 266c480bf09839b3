package domains

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// clock is a time that tests set.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time       { return c.now }
func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }
func addr(s string) netip.Addr        { return netip.MustParseAddr(s) }
func numbered(i int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
}
func newClock() *clock                   { return &clock{now: time.Unix(1700000000, 0)} }
func strict(c *clock, max int) *Cache    { return New(Config{Max: max, Now: c.Now, Hold: -1}) }
func sums(s Stats) (in, out int64)       { return s.Learned, s.Expired + s.Evicted + s.Entries }
func (c *clock) cache(cfg Config) *Cache { cfg.Now = c.Now; return New(cfg) }

func TestLookup(t *testing.T) {
	tests := []struct {
		name  string
		learn func(*Cache)
		addr  string
		want  string
	}{
		{"known", func(c *Cache) { c.Learn(addr("10.0.0.1"), "a.example", time.Minute) }, "10.0.0.1", "a.example"},
		{"unknown", func(c *Cache) { c.Learn(addr("10.0.0.1"), "a.example", time.Minute) }, "10.0.0.2", ""},
		{"IPv6", func(c *Cache) { c.Learn(addr("fd00::1"), "a.example", time.Minute) }, "fd00::1", "a.example"},
		{"learnt mapped", func(c *Cache) { c.Learn(addr("::ffff:10.0.0.1"), "a.example", time.Minute) }, "10.0.0.1", "a.example"},
		{"asked mapped", func(c *Cache) { c.Learn(addr("10.0.0.1"), "a.example", time.Minute) }, "::ffff:10.0.0.1", "a.example"},
		{"a zone", func(c *Cache) { c.Learn(addr("fe80::1"), "a.example", time.Minute) }, "fe80::1%eth0", "a.example"},
		{"the last name wins", func(c *Cache) {
			c.Learn(addr("10.0.0.1"), "a.example", time.Hour)
			c.Learn(addr("10.0.0.1"), "b.example", time.Minute)
		}, "10.0.0.1", "b.example"},
		{"block lists", func(c *Cache) { c.Learn(addr("0.0.0.0"), "ads.example", time.Hour) }, "0.0.0.0", ""},
		{"block lists, loopback", func(c *Cache) { c.Learn(addr("127.0.0.1"), "ads.example", time.Hour) }, "127.0.0.1", ""},
		{"block lists, IPv6", func(c *Cache) { c.Learn(addr("::1"), "ads.example", time.Hour) }, "::1", ""},
		{"no name", func(c *Cache) { c.Learn(addr("10.0.0.1"), "", time.Hour) }, "10.0.0.1", ""},
		{"no address", func(c *Cache) { c.Learn(netip.Addr{}, "a.example", time.Hour) }, "10.0.0.1", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock().cache(Config{})
			tt.learn(c)
			if got := c.Lookup(addr(tt.addr)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			s := c.Stats()
			if hit := int64(len(tt.want)); (hit > 0) != (s.Hits == 1) || s.Hits+s.Misses != 1 {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

// TestAge: how long a name is good.
func TestAge(t *testing.T) {
	const minute, day = time.Minute, 24 * time.Hour
	tests := []struct {
		name      string
		hold, ttl time.Duration
		uses      []time.Duration // after it was learnt
		good, bad time.Duration   // still there; gone
	}{
		{"its TTL", -1, minute, nil, minute - 1, minute},
		{"no longer, however used", -1, minute, []time.Duration{30 * time.Second, minute - 1}, minute - 1, minute},
		{"none", -1, 0, nil, -1, 0},
		{"an absurd TTL", -1, 1000 * day, nil, 7*day - 1, 7 * day},
		{"a short TTL is held", 5 * minute, 10 * time.Second, nil, 5*minute - 1, 5 * minute},
		{"by default", 0, 0, nil, 5*minute - 1, 5 * minute},
		{"a long TTL is not cut", 5 * minute, 10 * minute, nil, 10*minute - 1, 10 * minute},
		{"while it is used", 5 * minute, minute, []time.Duration{4 * minute, 8 * minute, 12 * minute}, 17*minute - 1, 17 * minute},
		{"not for ever", day, minute, []time.Duration{day - 1, 2*day - 2, 3*day - 3, 4*day - 4, 5*day - 5, 6*day - 6, 7*day - 7}, 7*day - 1, 7 * day},
	}
	for _, tt := range tests {
		for _, good := range []bool{true, false} {
			t.Run(fmt.Sprint(tt.name, "/", good), func(t *testing.T) {
				now := newClock()
				c, start := now.cache(Config{Hold: tt.hold}), now.now
				c.Learn(addr("10.0.0.1"), "a.example", tt.ttl)
				for _, use := range tt.uses {
					now.now = start.Add(use)
					if c.Lookup(addr("10.0.0.1")) == "" {
						t.Fatalf("gone after %v", use)
					}
				}
				now.now = start.Add(tt.bad)
				want := Stats{Learned: 1, Expired: 1, Hits: int64(len(tt.uses)), Misses: 1}
				if good {
					now.now = start.Add(tt.good)
					want = Stats{Learned: 1, Entries: 1, Hits: int64(len(tt.uses)) + 1}
				}
				if got := c.Lookup(addr("10.0.0.1")); (got == "a.example") != good {
					t.Errorf("got %q", got)
				}
				if got := c.Stats(); got != want {
					t.Errorf("stats %+v, want %+v", got, want)
				}
			})
		}
	}
}

// TestRenewal: an answer begins the time anew, for another name too.
func TestRenewal(t *testing.T) {
	now := newClock()
	c := strict(now, 10)
	for _, name := range []string{"a.example", "a.example", "b.example"} {
		c.Learn(addr("10.0.0.1"), name, time.Minute)
		now.pass(50 * time.Second)
		if got := c.Lookup(addr("10.0.0.1")); got != name {
			t.Errorf("got %q, want %q", got, name)
		}
	}
	now.pass(10 * time.Second)
	if got := c.Lookup(addr("10.0.0.1")); got != "" {
		t.Errorf("got %q after the TTL of the last answer", got)
	}
	if got, want := c.Stats(), (Stats{Learned: 1, Renewed: 2, Expired: 1, Hits: 3, Misses: 1}); got != want {
		t.Errorf("stats %+v, want %+v", got, want)
	}
}

// TestTheLeastUsedMakesRoom: by lookups and by answers.
func TestTheLeastUsedMakesRoom(t *testing.T) {
	c := strict(newClock(), 3)
	for i := range 3 {
		c.Learn(numbered(i), fmt.Sprint("n", i), time.Hour)
	}
	c.Lookup(numbered(0))
	c.Learn(numbered(1), "again", time.Hour)
	c.Learn(numbered(3), "n3", time.Hour) // 2 goes
	c.Learn(numbered(4), "n4", time.Hour) // 0 goes
	for i, want := range []string{"", "again", "", "n3", "n4"} {
		if got := c.Lookup(numbered(i)); got != want {
			t.Errorf("address %d is %q, want %q", i, got, want)
		}
	}
}

// TestChurn: far more addresses than room, all kinds of TTL, lookups between,
// compared with a table without bounds: what the cache says is true, it
// forgets only when it is full, and its accounts add up at all times.
func TestChurn(t *testing.T) {
	const room = 1000
	type truth struct {
		name  string
		until time.Time
	}
	rnd, now := rand.New(rand.NewPCG(1, 2)), newClock()
	c := strict(now, room)
	known := map[netip.Addr]truth{}
	hits := 0
	for i := range 300_000 {
		now.pass(time.Duration(rnd.IntN(20)) * time.Millisecond)
		wide := 800 // fits
		if i > 100_000 {
			wide = 5000
		}
		a := numbered(rnd.IntN(wide))
		if rnd.IntN(2) == 0 {
			ttl := time.Duration(rnd.IntN(60)) * time.Second
			name := fmt.Sprint("n", rnd.IntN(100))
			c.Learn(a, name, ttl)
			known[a] = truth{name, now.now.Add(ttl)}
			continue
		}
		want := ""
		if k := known[a]; now.now.Before(k.until) {
			want = k.name
		}
		got := c.Lookup(a)
		if got != want && (got != "" || c.Stats().Evicted == 0) {
			t.Fatalf("step %d: %v is %q, want %q", i, a, got, want)
		}
		if got != "" {
			hits++
		}
		s := c.Stats()
		if in, out := sums(s); in != out || s.Entries > room || len(c.index) != c.byUse.Len() {
			t.Fatalf("step %d: stats %+v do not add up; %d in the index, %d in the list", i, s, len(c.index), c.byUse.Len())
		}
	}
	if s := c.Stats(); s.Entries != room || s.Evicted == 0 || s.Expired == 0 || s.Renewed == 0 || hits < 30_000 {
		t.Errorf("%d hits, stats %+v: the test shows little", hits, s)
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	c := New(Config{Max: 50})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 2000 {
				c.Learn(numbered(i*g%100), "a.example", time.Minute)
				c.Lookup(numbered(i % 100))
				c.Stats()
			}
		})
	}
	all.Wait()
	if s := c.Stats(); s.Hits+s.Misses != 8000 || s.Learned+s.Renewed != 8000 || s.Entries != 50 {
		t.Errorf("stats %+v", s)
	}
}

func BenchmarkLookup(b *testing.B) {
	c := New(Config{})
	for i := range 10000 {
		c.Learn(numbered(i), "www.example", time.Hour)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if c.Lookup(numbered(i%10000)) == "" {
			b.Fatal("gone")
		}
	}
}

func BenchmarkLearn(b *testing.B) {
	c := New(Config{Max: 10000})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		c.Learn(numbered(i%20000), "www.example", time.Hour) // each a new one
	}
}
