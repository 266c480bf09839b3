package tls

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"datakit.dev/agent/internal/bpf"
	"datakit.dev/agent/internal/hostfs"
)

// Bounds of the finder.
const (
	maxProcesses = 32768
	maxTargets   = 512  // files with probes
	maxKnown     = 8192 // files that were looked into
	maxMaps      = 8 << 20
	maxHints     = 1024
)

// Times of the finder.
const (
	listTime   = 10 * time.Second // between two looks for new processes
	unusedTime = time.Minute      // until probes are taken out of a file
)

// looks are the ages at which a process is looked at: libraries come a moment
// after the program, or whenever it wants. The last one repeats.
var looks = [...]time.Duration{0, 20 * time.Millisecond, 200 * time.Millisecond, 2 * time.Second, 20 * time.Second, time.Minute}

// finder keeps probes in the files that processes use. It works in
// a goroutine of its own, because looking into a program takes milliseconds.
type finder struct {
	fs      hostfs.Root
	now     func() time.Time
	log     *slog.Logger
	attach  func(path string, probes []bpf.Probe) (io.Closer, error)
	inScope func(netns uint64) bool
	own     uint32 // pid of the collector, which is left alone

	hints     chan uint32 // pids that executed a program
	processes map[uint32]*observed
	young     map[uint32]*observed // of these, that are looked at more often than the others
	oldest    time.Time            // when one of the others is due, or later
	targets   map[fileID]*target
	known     map[fileID]bool // files without anything to probe
	listed    time.Time       // when processes were
	changed   bool            // since found was published

	mu    sync.Mutex
	found Found
	users map[uint32]bool // processes that use a file with probes
}

// observed is a process.
type observed struct {
	looks int
	next  time.Time
	files []fileID // with probes
}

func newFinder(cfg *Config, attach func(string, []bpf.Probe) (io.Closer, error)) *finder {
	return &finder{
		fs: cfg.FS, now: cfg.Now, log: cfg.Log, attach: attach, inScope: cfg.Scope.HasNetns,
		own:   uint32(os.Getpid()),
		hints: make(chan uint32, maxHints), processes: map[uint32]*observed{}, young: map[uint32]*observed{},
		targets: map[fileID]*target{}, known: map[fileID]bool{},
		found: Found{Reasons: map[string]int64{}},
	}
}

// run works until ctx ends, then takes all probes out.
func (f *finder) run(ctx context.Context) {
	defer f.close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(max(f.round(ctx, f.now()), time.Millisecond))
		select {
		case <-ctx.Done():
			return
		case pid := <-f.hints:
			f.executed(pid)
		case <-timer.C:
		}
	}
}

// round does what is due and returns when something is again.
func (f *finder) round(ctx context.Context, now time.Time) time.Duration {
	for range len(f.hints) {
		f.executed(<-f.hints)
	}
	if age := now.Sub(f.listed); age < 0 || age >= listTime {
		f.list(now)
		f.listed = now
	}
	next := f.look(ctx, now)
	f.sweep(now)
	if f.changed {
		f.publish()
		f.changed = false
	}
	return min(next, f.listed.Add(listTime).Sub(now))
}

// hint says that a process executed a program. It never waits.
func (f *finder) hint(pid uint32) {
	select {
	case f.hints <- pid:
	default:
		f.mu.Lock()
		f.found.Hints++
		f.mu.Unlock()
	}
}

func (f *finder) executed(pid uint32) {
	p := f.processes[pid]
	if p == nil {
		if len(f.processes) >= maxProcesses {
			f.count("too many processes")
			return
		}
		p = &observed{}
		f.processes[pid] = p
	}
	p.looks, p.next = 0, f.now()
	f.young[pid] = p
}

// list enters processes that are new and forgets those that are gone.
func (f *finder) list(now time.Time) {
	entries, err := os.ReadDir(f.fs.Proc(""))
	if err != nil {
		f.count("no /proc")
		return
	}
	alive := map[uint32]bool{}
	for _, e := range entries {
		pid, err := strconv.ParseUint(e.Name(), 10, 32)
		if err != nil {
			continue
		}
		alive[uint32(pid)] = true
		if f.processes[uint32(pid)] == nil {
			f.executed(uint32(pid))
		}
	}
	for pid := range f.processes {
		if !alive[pid] {
			f.forget(pid, now)
		}
	}
}

func (f *finder) forget(pid uint32, now time.Time) {
	for _, id := range f.processes[pid].files {
		if t := f.targets[id]; t != nil {
			t.release(pid, now)
			f.changed = true
		}
	}
	delete(f.processes, pid)
	delete(f.young, pid)
}

// look looks at the processes that are due and returns when the next one is.
// Most are old: so that a process that is executed does not cost a walk over
// all of them, theirs comes once a second at most.
func (f *finder) look(ctx context.Context, now time.Time) time.Duration {
	soonest := f.lookAmong(ctx, f.young, now)
	wait := f.oldest.Sub(now)
	if wait <= 0 || wait > looks[len(looks)-1] {
		wait = max(f.lookAmong(ctx, f.processes, now), time.Second)
		f.oldest = now.Add(wait)
	}
	return min(soonest, wait)
}

func (f *finder) lookAmong(ctx context.Context, processes map[uint32]*observed, now time.Time) time.Duration {
	soonest := listTime
	for pid, p := range processes {
		if ctx.Err() != nil {
			return 0
		}
		if wait := p.next.Sub(now); wait > 0 && wait <= looks[len(looks)-1] {
			soonest = min(soonest, wait)
			continue
		}
		if !f.lookAt(pid, p, now) {
			f.forget(pid, now)
			continue
		}
		if p.looks++; p.looks >= len(looks)-1 {
			p.looks = len(looks) - 1
			delete(f.young, pid)
		}
		p.next = now.Add(looks[p.looks])
		soonest = min(soonest, looks[p.looks])
	}
	return soonest
}

// lookAt puts probes into the files of a process that need them; false when
// it is gone.
func (f *finder) lookAt(pid uint32, p *observed, now time.Time) bool {
	if pid == f.own {
		return true
	}
	dir := f.fs.Proc(strconv.FormatUint(uint64(pid), 10))
	maps, err := readFile(filepath.Join(dir, "maps"), maxMaps)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil || len(maps) == 0 || !f.scoped(dir) {
		return true // a kernel thread, or ending
	}
	var files []fileID
	add := func(paths ...string) {
		for _, path := range paths {
			id, err := identify(path)
			if err != nil {
				continue
			}
			if f.serve(id, path) && !slices.Contains(files, id) {
				files = append(files, id)
			}
			return
		}
	}
	add(filepath.Join(dir, "exe"))
	for _, m := range readMaps(maps) {
		add(filepath.Join(dir, "map_files", m.span), filepath.Join(dir, "root", m.path))
	}
	for _, id := range files {
		f.targets[id].use(pid)
	}
	for _, id := range p.files {
		if t := f.targets[id]; t != nil && !slices.Contains(files, id) {
			t.release(pid, now)
		}
	}
	f.changed = f.changed || !slices.Equal(p.files, files)
	p.files = files
	return true
}

func (f *finder) scoped(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "ns/net"))
	return err != nil || f.inScope(inode(info))
}
