// Package process knows the processes of the host by their pid.
//
// Pids are those of the initial pid namespace when the host's /proc is read,
// the numbers that kernel programs report; a pid here is a thread group.
//
//	/proc, when asked ─────────┐
//	exec and exit events ──────┴─► Table ─► name, start, exe, cgroup
//
// What /proc says is looked up at the first question. Processes that come and
// go between two looks are known from events, if somebody feeds them.
package process

import (
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"datakit.dev/agent/internal/hostfs"
)

// Info is one process.
type Info struct {
	PID   uint32
	Name  string // of the thread group's leader (comm), at most 15 bytes
	Start uint64 // clock ticks after boot; with the pid it names a process for good
}

// Config says where processes are looked up and how long they are remembered.
type Config struct {
	FS  hostfs.Root
	Now func() time.Time
	// Max bounds the table; 0: 32768. Processes beyond it are looked up
	// every time.
	Max int
	// Verify is how long an entry is believed without looking at /proc
	// again; 0: one second. After it the start time tells whether the pid
	// was given to another process.
	Verify time.Duration
	// Keep is how long a process that has ended, or was not asked for, is
	// remembered; 0: two minutes.
	Keep time.Duration
}

// Table maps pids to processes. It is safe for concurrent use.
type Table struct {
	cfg Config

	mu      sync.Mutex
	entries map[uint32]*entry
	ended   []ended // those that ended, the first one first; some are gone already
	swept   time.Time
	stats   Stats
}

// Stats counts since the table was made.
type Stats struct {
	Entries int   // held now
	Reads   int64 // of /proc/<pid>/stat
	Reused  int64 // pids found to belong to another process
	Full    int64 // processes that found no room
	Events  int64 // of processes that began or ended
	Evicted int64 // ended processes that made room before their time
}

type entry struct {
	info    Info
	checked time.Time // /proc was last looked at
	seen    time.Time // and last showed the process; zero: never
	exe     *string   // nil: not read yet
	cgroup  *string

	ended    bool   // an event said so
	executed string // the path of the last exec event
	cgroupID uint64
}

// New makes an empty table.
func New(cfg Config) *Table {
	if cfg.Max <= 0 {
		cfg.Max = 32768
	}
	if cfg.Verify <= 0 {
		cfg.Verify = time.Second
	}
	if cfg.Keep <= 0 {
		cfg.Keep = 2 * time.Minute
	}
	return &Table{cfg: cfg, entries: map[uint32]*entry{}}
}

// Lookup returns the process that has the pid, or that had it within the time
// to keep. Nothing is guessed: false means that it is not known.
func (t *Table) Lookup(pid uint32) (Info, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.lookup(pid)
	if e == nil {
		return Info{}, false
	}
	return e.info, true
}

// Exe returns the path of the program of a process as it sees it, "" when
// unknown (kernel threads have none). It is read at the first call. Of a
// process that ended before, it is the path that was executed.
func (t *Table) Exe(pid uint32) string {
	return t.lazy(pid, func(e *entry) **string { return &e.exe }, func(dir string, e *entry) string {
		path, err := os.Readlink(dir + "/exe")
		if err != nil {
			return e.executed
		}
		return path
	})
}

// Cgroup returns the content of /proc/<pid>/cgroup, "" when unknown. It is
// read at the first call.
func (t *Table) Cgroup(pid uint32) string {
	return t.lazy(pid, func(e *entry) **string { return &e.cgroup }, func(dir string, _ *entry) string {
		data, _ := os.ReadFile(dir + "/cgroup")
		return string(data)
	})
}

func (t *Table) lazy(pid uint32, field func(*entry) **string, read func(dir string, e *entry) string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.lookup(pid)
	if e == nil {
		return ""
	}
	f := field(e)
	if *f == nil {
		v := read(t.dir(pid), e)
		if v == "" {
			return "" // it ended between the two looks, or it has none
		}
		*f = &v
	}
	return **f
}

// Stats may be called at any time.
func (t *Table) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stats
	s.Entries = len(t.entries)
	return s
}

func (t *Table) dir(pid uint32) string {
	return t.cfg.FS.Proc(strconv.FormatUint(uint64(pid), 10))
}

// lookup returns the entry of a pid, nil when it is unknown. t.mu is held.
func (t *Table) lookup(pid uint32) *entry {
	if pid == 0 {
		return nil
	}
	now := t.cfg.Now()
	t.sweep(now)
	e, held := t.entries[pid]
	if !held {
		if e = t.enter(pid); e == nil {
			e = &entry{info: Info{PID: pid}} // answered, not kept
		}
	}
	if age := now.Sub(e.checked); age < 0 || age >= t.cfg.Verify {
		t.check(e, now)
	}
	if e.seen.IsZero() || now.Sub(e.seen) > t.cfg.Keep {
		return nil
	}
	return e
}

// enter gives a pid an entry; nil when there is no room.
func (t *Table) enter(pid uint32) *entry {
	if len(t.entries) >= t.cfg.Max {
		t.stats.Full++
		return nil
	}
	e := &entry{info: Info{PID: pid}}
	t.entries[pid] = e
	return e
}

// check looks at /proc. A process that is gone keeps its entry.
func (t *Table) check(e *entry, now time.Time) {
	e.checked = now
	t.stats.Reads++
	data, err := os.ReadFile(t.dir(e.info.PID) + "/stat")
	if err != nil {
		return
	}
	s, err := parseStat(data)
	if err != nil {
		return
	}
	if !e.seen.IsZero() && e.info.Start != s.start {
		t.stats.Reused++
	}
	if e.info.Start != s.start || e.info.Name != s.name {
		// Another process, or another program in the same one.
		if e.info.Start != s.start {
			e.executed, e.cgroupID = "", 0
		}
		e.info.Start, e.info.Name = s.start, s.name
		e.exe, e.cgroup = nil, nil
	}
	e.seen, e.ended = now, false
}

// sweep forgets, now and then, what nobody asked for.
func (t *Table) sweep(now time.Time) {
	age := now.Sub(t.swept)
	if age >= 0 && age < t.cfg.Keep && (len(t.entries) < t.cfg.Max || age < t.cfg.Verify) {
		return
	}
	t.swept = now
	for pid, e := range t.entries {
		if now.Sub(e.checked) > t.cfg.Keep {
			delete(t.entries, pid)
		}
	}
	t.ended = slices.DeleteFunc(t.ended, func(old ended) bool {
		e := t.entries[old.pid]
		return e == nil || !e.ended || e.info.Start != old.start
	})
}
