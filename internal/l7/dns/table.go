package dns

import (
	"net/netip"
	"time"
)

// Defaults of [Config].
const (
	DefaultMax     = 16384
	DefaultTimeout = 6 * time.Second
)

// Config bounds a Table.
type Config struct {
	Max     int           // queries that wait for their answer; 0: DefaultMax
	Timeout time.Duration // 0: DefaultTimeout
}

// Table matches answers with queries. It belongs to one goroutine. Times are
// nanoseconds of one clock that does not jump.
//
// A query that is sent again, with the same key, number and question, belongs
// to the transaction of the first: it counts once, and its latency is from the
// first query on. (tshark's dns.time is the same; dig shows the time since it
// last asked.) A query with the number of one that waits but another question
// is a new transaction; the client has given up the old one, which times out.
//
// When Max queries wait, the oldest is forgotten for the next, and counted.
type Table struct {
	max     int
	timeout int64

	index   map[matchKey]int32 // into waiting
	waiting []waiting          // in use: a list by age; else: a list of free places
	oldest  int32
	newest  int32
	free    int32
	done    Transaction // the one handed out
	stats   Stats
}

// matchKey is what an answer has in common with its query.
type matchKey struct {
	netns          uint64
	client, server netip.AddrPort
	id             uint16
	tcp, incoming  bool
}

// none ends a list.
const none = -1

type waiting struct {
	key          matchKey
	older, newer int32
	indexed      bool // its answer still finds it
	transaction  Transaction
}

// NewTable makes a Table.
func NewTable(cfg Config) *Table {
	if cfg.Max <= 0 {
		cfg.Max = DefaultMax
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = DefaultTimeout
	}
	return &Table{
		max: cfg.Max, timeout: int64(cfg.Timeout),
		index: map[matchKey]int32{}, oldest: none, newest: none, free: none,
	}
}

// Stats returns the counts so far.
func (t *Table) Stats() Stats { return t.stats }

func keyOf(k *Key, id uint16) matchKey {
	return matchKey{netns: k.Netns, client: k.Client, server: k.Server, id: id, tcp: k.TCP, incoming: k.Incoming}
}

// Query notes a query seen at time now.
func (t *Table) Query(now int64, k Key, m *Message) {
	key := keyOf(&k, m.ID)
	if i, ok := t.index[key]; ok {
		w := &t.waiting[i]
		if !t.late(w, now) && w.transaction.asks(m) {
			w.transaction.Repeats++
			t.stats.Repeated++
			return
		}
		w.indexed = false // it waits for its timeout only
		delete(t.index, key)
	}
	if t.stats.InFlight >= int64(t.max) {
		t.remove(t.oldest)
		t.stats.Evicted++
	}
	i := t.insert()
	w := &t.waiting[i]
	w.key, w.indexed = key, true
	w.transaction = Transaction{Key: k, ID: m.ID, Name: m.Name, Type: m.Type, Start: now}
	t.index[key] = i
	t.stats.Queries++
}

func (t *Table) late(w *waiting, now int64) bool { return now-w.transaction.Start >= t.timeout }

// asks reports whether m has the question of the transaction. Some servers
// leave it out when they refuse.
func (x *Transaction) asks(m *Message) bool {
	return m.Name == x.Name && m.Type == x.Type || m.Response && m.Name == ""
}

// Answer notes an answer seen at time now, and hands out the transaction it
// ends, valid during the call.
func (t *Table) Answer(now int64, k Key, m *Message, out func(*Transaction)) {
	i, ok := t.index[keyOf(&k, m.ID)]
	if !ok || t.late(&t.waiting[i], now) {
		t.stats.Unmatched++
		return
	}
	if !t.waiting[i].transaction.asks(m) {
		t.stats.Mismatch++
		return
	}
	x := t.end(i)
	if x.PID == 0 || k.Incoming && k.PID != 0 {
		x.PID, x.Process = k.PID, k.Process
	}
	if x.CgroupID == 0 {
		x.CgroupID = k.CgroupID
	}
	x.RCode, x.Truncated = m.RCode, m.Truncated
	x.Latency = time.Duration(max(0, now-x.Start))
	t.stats.Answered++
	out(x)
}

// Expire hands out the transactions without an answer in time, valid during
// the call. Called however rarely, it makes no difference to which time out.
func (t *Table) Expire(now int64, out func(*Transaction)) {
	for t.oldest != none && t.late(&t.waiting[t.oldest], now) {
		x := t.end(t.oldest)
		x.RCode = TimedOut
		t.stats.TimedOut++
		out(x)
	}
}

// end takes a transaction out.
func (t *Table) end(i int32) *Transaction {
	t.done = t.waiting[i].transaction
	t.remove(i)
	return &t.done
}

// insert makes room for the newest.
func (t *Table) insert() int32 {
	i := t.free
	if i == none {
		i = int32(len(t.waiting))
		t.waiting = append(t.waiting, waiting{})
	} else {
		t.free = t.waiting[i].newer
	}
	t.waiting[i].older, t.waiting[i].newer = t.newest, none
	if t.newest == none {
		t.oldest = i
	} else {
		t.waiting[t.newest].newer = i
	}
	t.newest = i
	t.stats.InFlight++
	return i
}

func (t *Table) remove(i int32) {
	w := &t.waiting[i]
	if w.indexed {
		delete(t.index, w.key)
	}
	if w.older == none {
		t.oldest = w.newer
	} else {
		t.waiting[w.older].newer = w.newer
	}
	if w.newer == none {
		t.newest = w.older
	} else {
		t.waiting[w.newer].older = w.older
	}
	*w = waiting{newer: t.free}
	t.free = i
	t.stats.InFlight--
}
