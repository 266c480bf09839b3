package process

import "time"

// Event is what the kernel says about a process in the moment it executes a
// program or ends. Processes that are gone before anybody asks for them are
// known from these alone.
type Event struct {
	PID      uint32
	Name     string        // comm of the thread group's leader
	Started  time.Duration // when the process began, since boot (CLOCK_BOOTTIME)
	CgroupID uint64        // of its cgroup v2; 0 unknown
	Exe      string        // the path that was executed; "" unknown, or not absolute
	Ended    bool
}

// tick is the unit of start times in /proc/<pid>/stat: USER_HZ is 100 on all
// architectures we build for (include/asm-generic/param.h).
const tick = 10 * time.Millisecond

// Note enters what an event says. Without events the table works from /proc
// alone, and misses what lives shorter than it takes to look.
func (t *Table) Note(ev *Event) {
	if ev.PID == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stats.Events++
	now := t.cfg.Now()
	t.sweep(now)
	e, held := t.entries[ev.PID]
	if !held {
		t.makeRoom()
		if e = t.enter(ev.PID); e == nil {
			return
		}
	}
	start := uint64(ev.Started / tick)
	if start < e.info.Start {
		return // the pid has gone on to another process meanwhile
	}
	if !e.seen.IsZero() && e.info.Start != start {
		t.stats.Reused++
	}
	if e.info.Start != start || e.info.Name != ev.Name || !ev.Ended {
		e.exe, e.cgroup = nil, nil
	}
	e.info.Name, e.info.Start = ev.Name, start
	e.cgroupID = ev.CgroupID
	if ev.Exe != "" {
		e.executed = ev.Exe
	}
	e.checked, e.seen = now, now
	if ev.Ended && !e.ended {
		t.ended = append(t.ended, ended{ev.PID, start})
	}
	e.ended = ev.Ended
}

// ended names a process that is only kept to be looked up once more.
type ended struct {
	pid   uint32
	start uint64
}

// makeRoom lets those go that ended, the first one first, when the table is
// full.
func (t *Table) makeRoom() {
	for len(t.entries) >= t.cfg.Max && len(t.ended) > 0 {
		old := t.ended[0]
		t.ended = t.ended[1:]
		if e := t.entries[old.pid]; e != nil && e.ended && e.info.Start == old.start {
			delete(t.entries, old.pid)
			t.stats.Evicted++
		}
	}
}

// CgroupID returns the cgroup v2 of a process as its last event said, 0 when
// unknown.
func (t *Table) CgroupID(pid uint32) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.lookup(pid)
	if e == nil {
		return 0
	}
	return e.cgroupID
}
