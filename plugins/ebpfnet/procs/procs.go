// Package procs follows processes as they execute programs and end.
//
//	tp_btf/sched_process_exec ─┐
//	tp_btf/sched_process_exit ─┴─► ring buffer ─► Drain ─► process.Table, uprobes of TLS
//
// It makes the process table know what lives shorter than it takes to look at
// /proc, and says which program to look into next. Without it both work on
// what /proc shows.
package procs

import (
	"errors"
	"fmt"
	"io"
	"time"
	"unsafe"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/process"
)

// Watcher is the kernel side. It belongs to one goroutine, except for Counts.
type Watcher struct {
	object *bpf.Object
	ladder bpf.Ladder
	ring   *bpf.Ring
	event  process.Event
}

// Open attaches the programs. An error that wraps [bpf.ErrNotSupported] says
// that this kernel does not report processes. Close the watcher.
func Open() (*Watcher, error) {
	w := &Watcher{}
	if err := w.open(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *Watcher) open() error {
	spec, err := loadProcs()
	if err != nil {
		return err
	}
	if w.object, err = bpf.Open(bpf.Options{}, spec); err != nil {
		return err
	}
	if w.ring, err = bpf.OpenRing(w.object.Map("processes")); err != nil {
		return err
	}
	for _, name := range []string{"sched_process_exec", "sched_process_exit"} {
		err := w.ladder.Take("processes", bpf.Rung{Number: 2, Attach: "tp_btf/" + name, Since: "5.5",
			Open: func() (io.Closer, error) { return w.object.TracepointOnce(name) }})
		if err != nil {
			return err
		}
	}
	w.object.Loaded()
	return nil
}

// Drain passes what happened since the last call to take, which must not keep
// the event.
func (w *Watcher) Drain(take func(*process.Event)) error {
	_, err := w.ring.Drain(func(record []byte) {
		if decode(record, &w.event) {
			take(&w.event)
		}
	})
	return err
}

const (
	execBytes = int(unsafe.Sizeof(procsProcess{}))
	exitBytes = int(unsafe.Offsetof(procsProcess{}.Path))
)

// decode reads a record as the kernel wrote it, in the byte order of the
// machine; false when it has another size.
func decode(record []byte, ev *process.Event) bool {
	if len(record) != execBytes && len(record) != exitBytes {
		return false
	}
	var p procsProcess
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&p)), execBytes), record)
	*ev = process.Event{
		PID: p.Pid, Name: text(p.Comm[:]), Started: time.Duration(p.Start), CgroupID: p.Cgroup,
		Ended: procsKind(p.Kind) == procsKindKIND_EXIT,
	}
	if path := text(p.Path[:]); len(path) > 0 && path[0] == '/' && len(path) < len(p.Path)-1 {
		ev.Exe = path
	}
	return true
}

// text reads a string that ends with a zero.
func text(c []int8) string {
	b := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(c))), len(c))
	for i := range b {
		if b[i] == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// Counts is how many events there were, and how many of them found the ring
// full.
type Counts struct{ Events, Lost int64 }

// Counts may be called from any goroutine until Close.
func (w *Watcher) Counts() (c Counts, err error) {
	var perCPU []procsCounts
	if err := w.object.Map("process_counters").Lookup(uint32(0), &perCPU); err != nil {
		return c, fmt.Errorf("read counters of processes: %w", err)
	}
	for _, cpu := range perCPU {
		c.Events += int64(cpu.Of[procsCounterCOUNT_EVENTS])
		c.Lost += int64(cpu.Of[procsCounterCOUNT_LOST])
	}
	return c, nil
}

// Status tells what the watcher stands on.
func (w *Watcher) Status() []bpf.Status { return w.ladder.Status() }

// Close detaches and frees everything. It is idempotent.
func (w *Watcher) Close() error {
	err := w.ladder.Close()
	if w.ring != nil {
		err = errors.Join(err, w.ring.Close())
	}
	if w.object != nil {
		err = errors.Join(err, w.object.Close())
	}
	return err
}
