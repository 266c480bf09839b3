package logs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// position is how far a log has been delivered.
type position struct {
	ID    string `json:"id"`
	Path  string `json:"path,omitempty"`
	Inode uint64 `json:"inode"`
	// Head and Sum tell the file again by the hash of its first bytes, when
	// its inode number has been given to another one or it was compressed.
	Head int    `json:"head"`
	Sum  uint64 `json:"sum"`
	// Offsets are those up to which each stream is delivered: the streams of
	// a container mix in one file, and one may wait for the rest of a line
	// while the other goes on.
	Offsets [streams]int64 `json:"offsets"`
	Gone    bool           `json:"gone,omitempty"` // the container is, forget it
}

// from is where reading goes on.
func (p position) from() int64 { return min(p.Offsets[stdout], p.Offsets[stderr]) }

// maxJournal is the size at which a journal is written anew.
const maxJournal = 1 << 20

// journal keeps positions in a file. Each commit appends one line, so that it
// counts as a whole or, if the process dies while writing, not at all.
type journal struct {
	dir   string
	lock  *os.File
	file  *os.File
	size  int64
	live  map[string]position
	fresh bool // there was none before
}

// openJournal opens the journal in dir. A second process is refused.
func openJournal(dir string) (*journal, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open positions: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open positions: %w", err)
	}
	j := &journal{dir: dir, lock: lock, live: map[string]position{}}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock positions in %s: another process uses them: %w", dir, err), lock.Close())
	}
	text, err := os.ReadFile(j.path())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(fmt.Errorf("read positions: %w", err), lock.Close())
	}
	j.fresh = err != nil
	j.replay(text)
	if err := j.compact(); err != nil {
		return nil, errors.Join(err, j.close())
	}
	return j, nil
}

func (j *journal) path() string { return filepath.Join(j.dir, "positions") }

// replay applies commits. One that cannot be read is one that was not
// finished.
func (j *journal) replay(text []byte) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var commit []position
		if json.Unmarshal(lines.Bytes(), &commit) == nil {
			j.apply(commit)
		}
	}
}

func (j *journal) apply(commit []position) {
	for _, p := range commit {
		if j.live[p.ID] = p; p.Gone {
			delete(j.live, p.ID)
		}
	}
}

// commit notes positions.
func (j *journal) commit(all []position) error {
	if len(all) == 0 {
		return nil
	}
	line, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("encode positions: %w", err)
	}
	n, err := j.file.Write(append(line, '\n'))
	j.size += int64(n)
	if err != nil {
		// Half a line would spoil the next one.
		return errors.Join(fmt.Errorf("write positions: %w", err), j.compact())
	}
	j.apply(all)
	if j.size > maxJournal {
		return j.compact()
	}
	return nil
}

// compact writes the live positions to a new file.
func (j *journal) compact() error {
	all := make([]position, 0, len(j.live))
	for p := range maps.Values(j.live) {
		all = append(all, p)
	}
	text, err := json.Marshal(all)
	if err != nil {
		return fmt.Errorf("encode positions: %w", err)
	}
	f, err := os.OpenFile(j.path()+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write positions: %w", err)
	}
	n, werr := f.Write(append(text, '\n'))
	if err := errors.Join(werr, f.Sync()); err != nil {
		return errors.Join(fmt.Errorf("write positions: %w", err), f.Close())
	}
	if err := os.Rename(j.path()+".new", j.path()); err != nil {
		return errors.Join(fmt.Errorf("write positions: %w", err), f.Close())
	}
	if j.file != nil {
		_ = j.file.Close()
	}
	j.file, j.size = f, int64(n)
	return nil
}

func (j *journal) close() error {
	var err error
	if j.file != nil {
		err = j.file.Close()
	}
	return errors.Join(err, j.lock.Close())
}
