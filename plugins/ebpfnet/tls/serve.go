package tls

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"datakit.dev/agent/internal/bpf"
)

// serve sees to it that a file has the probes it needs; false when it needs
// none or cannot have them.
func (f *finder) serve(id fileID, path string) bool {
	if f.targets[id] != nil {
		return true
	}
	if f.known[id] {
		return false
	}
	if len(f.targets) >= maxTargets {
		f.count("too many files")
		return false
	}
	lists, err := inspect(path)
	t := &target{path: path, users: map[uint32]bool{}}
	var probes []bpf.Probe
	for l, list := range lists {
		probes = append(probes, list...)
		t.holds[l] = len(list) > 0
	}
	if err == nil && len(probes) > 0 {
		if t.links, err = f.attach(path, probes); err == nil {
			f.targets[id] = t
			return true
		}
	}
	if err != nil {
		f.count(reason(err))
		f.log.Debug("no plaintext of a program", "file", path, "error", err)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			return false // it went away meanwhile: that is no property of the file
		}
	}
	if len(f.known) >= maxKnown {
		clear(f.known)
	}
	f.known[id] = true
	return false
}

// reason is a short, bounded text for why a file has no probes.
func reason(err error) string {
	switch {
	case errors.Is(err, errGoTooOld):
		return "go before 1.17"
	case errors.Is(err, errNoCode):
		return "go code not as expected"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ESRCH):
		return "gone"
	case errors.Is(err, fs.ErrPermission):
		return "not permitted"
	default:
		return "unreadable program"
	}
}

// sweep takes the probes out of files that nobody has used for a while. Each
// takes up to 130 ms, so it is one at a time.
func (f *finder) sweep(now time.Time) {
	for id, t := range f.targets {
		if len(t.users) > 0 || t.unused.IsZero() || now.Sub(t.unused) < unusedTime {
			continue
		}
		if err := t.links.Close(); err != nil {
			f.log.Warn("probes stay in a file", "file", t.path, "error", err)
		}
		delete(f.targets, id)
		f.changed = true
		return
	}
}

func (f *finder) close() {
	for id, t := range f.targets {
		if err := t.links.Close(); err != nil {
			f.log.Warn("probes stay in a file", "file", t.path, "error", err)
		}
		delete(f.targets, id)
	}
	f.publish()
}

func (f *finder) count(reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.found.Reasons[reason]++
}

func (f *finder) publish() {
	var files [libraries]int
	users := map[uint32]bool{}
	for _, t := range f.targets {
		for l := range files {
			if t.holds[l] {
				files[l]++
			}
		}
		for pid := range t.users {
			users[pid] = true
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.found.Files, f.found.Processes, f.users = files, len(users), users
}

// state may be called from any goroutine.
func (f *finder) state() Found {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.found
	s.Reasons = make(map[string]int64, len(f.found.Reasons))
	for reason, n := range f.found.Reasons {
		s.Reasons[reason] = n
	}
	return s
}

// readFile reads at most max bytes.
func readFile(path string, max int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, max))
}

func inode(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}
