package process

import (
	"testing"
	"time"
)

// TestShortLived: a process nobody asked for while it lived.
func TestShortLived(t *testing.T) {
	h := newHost(t)
	table := h.table(Config{Keep: time.Minute})
	table.Note(&Event{PID: 7, Name: "curl", Started: 12340 * time.Millisecond, CgroupID: 99, Exe: "/usr/bin/curl"})
	table.Note(&Event{PID: 7, Name: "curl", Started: 12340 * time.Millisecond, CgroupID: 99, Ended: true})
	h.now = h.now.Add(30 * time.Second)
	got, ok := table.Lookup(7)
	if want := (Info{PID: 7, Name: "curl", Start: 1234}); !ok || got != want {
		t.Errorf("got %+v (%v), want %+v", got, ok, want)
	}
	if exe := table.Exe(7); exe != "/usr/bin/curl" {
		t.Errorf("exe %q", exe)
	}
	if id := table.CgroupID(7); id != 99 {
		t.Errorf("cgroup %d, want 99", id)
	}
	h.now = h.now.Add(31 * time.Second)
	want(t, table, 7, "")
	if id := table.CgroupID(7); id != 0 {
		t.Errorf("cgroup %d of a forgotten process", id)
	}
}

func TestEventsAndProcAgree(t *testing.T) {
	h := newHost(t)
	table := h.table(Config{})
	h.run(7, "sh", 100)
	want(t, table, 7, "sh")
	table.Note(&Event{PID: 7, Name: "curl", Started: time.Second, CgroupID: 5, Exe: "/bin/curl"})
	want(t, table, 7, "curl") // at once, without waiting for the next look
	h.run(7, "curl", 100)
	h.now = h.now.Add(time.Second)
	want(t, table, 7, "curl")
	if id := table.CgroupID(7); id != 5 {
		t.Errorf("cgroup %d: what the event said was lost", id)
	}
	h.run(7, "nginx", 300) // forked, which is no event
	h.now = h.now.Add(time.Second)
	want(t, table, 7, "nginx")
	if id := table.CgroupID(7); id != 0 {
		t.Errorf("cgroup %d belongs to the process before", id)
	}
	// The end of the one before is read from the ring late.
	table.Note(&Event{PID: 7, Name: "curl", Started: time.Second, Ended: true})
	want(t, table, 7, "nginx")
}

func TestEventsOfNobody(t *testing.T) {
	h := newHost(t)
	table := h.table(Config{})
	table.Note(&Event{Name: "idle"})
	if s := table.Stats(); s.Entries != 0 || s.Events != 0 {
		t.Errorf("%+v", s)
	}
}

// TestEndedMakeRoom: the first to end goes first, who lives stays.
func TestEndedMakeRoom(t *testing.T) {
	h := newHost(t)
	table := h.table(Config{Max: 3, Keep: time.Hour})
	note := func(pid uint32, ended bool) {
		table.Note(&Event{PID: pid, Name: "p", Started: time.Duration(pid) * time.Second, Ended: ended})
	}
	note(1, false)
	note(2, false)
	note(2, true)
	note(3, false)
	note(3, true)
	note(4, false)
	want(t, table, 2, "")
	want(t, table, 1, "p")
	want(t, table, 3, "p")
	note(3, false) // the pid is in use again: no longer first to go
	note(5, false)
	want(t, table, 3, "p")
	s := table.Stats()
	if s.Entries != 3 || s.Evicted != 1 || s.Full == 0 {
		t.Errorf("stats %+v, want 3 entries, 1 evicted, no room for the last", s)
	}
}

// TestManyShortLived: what is kept of them is bounded.
func TestManyShortLived(t *testing.T) {
	h := newHost(t)
	table := h.table(Config{Max: 100, Keep: time.Hour})
	for i := range 10000 {
		ev := Event{PID: uint32(1 + i%4000), Name: "p", Started: time.Duration(i) * tick}
		table.Note(&ev)
		ev.Ended = true
		table.Note(&ev)
	}
	if s := table.Stats(); s.Entries != 100 || s.Full != 0 || s.Evicted != 9900 || len(table.ended) > 200 {
		t.Errorf("stats %+v, %d waiting to go", s, len(table.ended))
	}
}

func BenchmarkNote(b *testing.B) {
	table := New(Config{Now: time.Now})
	ev := Event{Name: "sh", Exe: "/bin/sh"}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		ev.PID, ev.Started, ev.Ended = uint32(1+i%65536), time.Duration(i)*tick, i&1 == 1
		table.Note(&ev)
	}
}
