package nic

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/hostfs"
)

// Config is what a watcher is made of.
type Config struct {
	FS    hostfs.Root
	Scope bpf.Scope // namespaces; the default is all
	Rules Rules

	Interval time.Duration // between looks without an occasion; default 5 s
	Gap      time.Duration // between looks at least; default 500 ms
	Log      *slog.Logger
}

// Event is a change.
type Event struct {
	What What
	NIC  *NIC // Gone: as it was last
}

// What happened to an interface.
type What uint8

// Events. A changed interface has another name, other addresses or another
// hardware address than before, and the same index.
const (
	Appeared What = iota
	Changed
	Gone
)

// String names the event.
func (w What) String() string { return [...]string{"appeared", "changed", "gone"}[w] }

// Watcher looks for interfaces. It belongs to one goroutine.
type Watcher struct {
	config Config
	rooms  map[uint64]*room
	failed map[uint64]bool // namespaces that could not be entered: said once
	nics   map[key]*NIC    // to be captured, as told
	poked  chan struct{}   // one occasion to look is as good as many
}

// NewWatcher makes a watcher; Run starts it.
func NewWatcher(c Config) (*Watcher, error) {
	if err := c.Rules.Validate(); err != nil {
		return nil, err
	}
	if c.Interval == 0 {
		c.Interval = 5 * time.Second
	}
	if c.Gap == 0 {
		c.Gap = 500 * time.Millisecond
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Watcher{
		config: c, rooms: map[uint64]*room{}, failed: map[uint64]bool{}, nics: map[key]*NIC{},
		poked: make(chan struct{}, 1),
	}, nil
}

// Run tells about every interface there is and every change until ctx ends.
// Then it says that all are gone, and returns nil. It needs CAP_SYS_ADMIN for
// namespaces other than its own.
func (w *Watcher) Run(ctx context.Context, tell func(Event)) error {
	defer w.leave(tell)
	interval := time.NewTicker(w.config.Interval)
	defer interval.Stop()
	for {
		if err := w.look(tell); err != nil {
			return err
		}
		select { // messages come in bursts
		case <-ctx.Done():
			return nil
		case <-time.After(w.config.Gap):
		}
		select {
		case <-ctx.Done():
			return nil
		case <-interval.C:
		case <-w.poked:
		}
	}
}

func (w *Watcher) poke() {
	select {
	case w.poked <- struct{}{}:
	default:
	}
}

// look brings what is known up to date and tells what changed: first what is
// gone, then what is new.
func (w *Watcher) look(tell func(Event)) error {
	if err := w.visit(); err != nil {
		return err
	}
	found := map[key]*NIC{}
	var all []*NIC
	for _, inode := range slices.Sorted(maps.Keys(w.rooms)) {
		r := w.rooms[inode]
		if l, err := r.listening(); err == nil {
			r.listeners.Store(l)
		} else {
			w.config.Log.Debug("look at network namespace", "netns", inode, "error", err)
		}
		nics, err := r.interfaces()
		if err != nil { // looked at again next time, with what is known until then
			w.config.Log.Debug("look at network namespace", "netns", inode, "error", err)
			for k, n := range w.nics {
				if k.inode == inode {
					found[k] = n
				}
			}
			continue
		}
		all = append(all, nics...)
	}
	for _, n := range all {
		if w.config.Rules.why(n, w.seen) == "" {
			found[n.key()] = n
		}
	}
	stack(all, found)
	w.compare(found, all, tell)
	return nil
}

// compare tells the difference between what is known and what was found.
func (w *Watcher) compare(found map[key]*NIC, order []*NIC, tell func(Event)) {
	for k, old := range w.nics {
		if n := found[k]; n == nil || n.Link != old.Link || n.Space != old.Space {
			delete(w.nics, k)
			tell(Event{Gone, old})
		}
	}
	for _, n := range order {
		if found[n.key()] != n {
			continue
		}
		old := w.nics[n.key()]
		w.nics[n.key()] = n
		switch {
		case old == nil:
			tell(Event{Appeared, n})
		case !old.same(n):
			tell(Event{Changed, n})
		}
	}
}

// visit opens rooms for namespaces that are new and closes those of ones that
// are gone.
func (w *Watcher) visit() error {
	all, err := bpf.Namespaces(w.config.FS)
	if err != nil {
		return err
	}
	host := hostInode(w.config.FS)
	there := map[uint64]bool{}
	for _, n := range all {
		if !w.config.Scope.HasNetns(n.Inode) {
			continue
		}
		there[n.Inode] = true
		if w.rooms[n.Inode] != nil {
			continue
		}
		r, err := enter(n, n.Inode == host, w.poke)
		if err != nil {
			if !w.failed[n.Inode] {
				w.config.Log.Warn("network namespace is not captured", "netns", n.Inode, "path", n.Path, "error", err)
				w.failed[n.Inode] = true
			}
			continue
		}
		w.rooms[n.Inode] = r
	}
	maps.DeleteFunc(w.failed, func(inode uint64, _ bool) bool { return !there[inode] })
	for inode, r := range w.rooms {
		if !there[inode] {
			r.close()
			delete(w.rooms, inode)
		}
	}
	return nil
}

// seen reports whether the other end of a veth lies in a namespace that is
// watched.
func (w *Watcher) seen(n *NIC) bool {
	if n.parentNSID < 0 {
		return true // in the same namespace
	}
	from := w.rooms[n.Space.Inode]
	for inode, r := range w.rooms {
		if inode != n.Space.Inode && from.id(r.Namespace) == n.parentNSID {
			return true
		}
	}
	return false
}

// leave says that everything is gone.
func (w *Watcher) leave(tell func(Event)) {
	for k, n := range w.nics {
		delete(w.nics, k)
		tell(Event{Gone, n})
	}
	for inode, r := range w.rooms {
		r.close()
		delete(w.rooms, inode)
	}
}
