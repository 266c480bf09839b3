// Package domains remembers which name an address was last resolved from, as
// DNS answers showed it, to name the far ends of connections.
//
//	answers ──► Learn ──► Cache ──► Lookup ──► tag dst_domain
package domains

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// Defaults of [Config].
const (
	DefaultMax  = 16384
	DefaultHold = 5 * time.Minute
)

// maxTTL bounds what an answer may claim: RFC 8767 section 4 advises so.
const maxTTL = 7 * 24 * time.Hour

// Config bounds a Cache.
type Config struct {
	// Max is how many addresses are remembered; 0: DefaultMax. The one that
	// was not used for the longest time makes room for a new one.
	Max int
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// Hold is how long a name is good at least after it was learnt or last
	// looked up, for a connection outlives the TTL of the record it was
	// opened by; 0: DefaultHold; less: not at all.
	Hold time.Duration
}

// Cache maps addresses to names. It is safe for concurrent use.
type Cache struct {
	max  int
	now  func() time.Time
	hold time.Duration

	mu    sync.Mutex
	index map[netip.Addr]*list.Element
	byUse list.List // of *entry, the last used in front
	stats Stats
}

type entry struct {
	addr  netip.Addr
	name  string
	until time.Time // good before that
	last  time.Time // no use makes it good for longer than that
}

// Stats counts since the cache was made. Learned is at all times the sum of
// Expired, Evicted and Entries.
type Stats struct {
	Learned int64 // addresses entered
	Expired int64 // found to be too old when looked up
	Evicted int64 // made room for others
	Entries int64 // remembered now, some of them too old by now

	Renewed int64 // answers for an address that was known
	Ignored int64 // answers that name nothing: an unspecified, loopback or multicast address, or no name
	Hits    int64 // lookups that found a name
	Misses  int64
}

// New makes a Cache.
func New(cfg Config) *Cache {
	if cfg.Max <= 0 {
		cfg.Max = DefaultMax
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Hold == 0 {
		cfg.Hold = DefaultHold
	}
	return &Cache{max: cfg.Max, now: cfg.Now, hold: max(0, cfg.Hold), index: map[netip.Addr]*list.Element{}}
}

// Learn notes that name was resolved to addr, which is good for ttl. The last
// name of an address wins. Addresses that block lists give to unwanted names
// (unspecified and loopback ones) name nothing.
func (c *Cache) Learn(addr netip.Addr, name string, ttl time.Duration) {
	addr = addr.Unmap().WithZone("")
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !addr.IsValid() || addr.IsUnspecified() || addr.IsLoopback() || addr.IsMulticast() || name == "" {
		c.stats.Ignored++
		return
	}
	ttl = min(max(ttl, c.hold), maxTTL)
	if at, known := c.index[addr]; known {
		e := at.Value.(*entry)
		e.name, e.until, e.last = name, now.Add(ttl), now.Add(maxTTL)
		c.byUse.MoveToFront(at)
		c.stats.Renewed++
		return
	}
	if len(c.index) >= c.max {
		c.remove(c.byUse.Back())
		c.stats.Evicted++
	}
	c.index[addr] = c.byUse.PushFront(&entry{addr: addr, name: name, until: now.Add(ttl), last: now.Add(maxTTL)})
	c.stats.Learned++
}

// Lookup returns the name an address was last resolved from, "" when none is
// known or it is too old.
func (c *Cache) Lookup(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := c.index[addr]
	if !known {
		c.stats.Misses++
		return ""
	}
	e := at.Value.(*entry)
	if !now.Before(e.until) {
		c.remove(at)
		c.stats.Expired++
		c.stats.Misses++
		return ""
	}
	if kept := now.Add(c.hold); kept.After(e.until) {
		e.until = kept
		if kept.After(e.last) {
			e.until = e.last
		}
	}
	c.byUse.MoveToFront(at)
	c.stats.Hits++
	return e.name
}

func (c *Cache) remove(at *list.Element) {
	delete(c.index, at.Value.(*entry).addr)
	c.byUse.Remove(at)
}

// Stats may be called at any time.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Entries = int64(len(c.index))
	return s
}
