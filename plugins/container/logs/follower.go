package logs

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"datakit.dev/agent/internal/backoff"
	"datakit.dev/agent/plugins"
)

// Source is the log of one container.
type Source struct {
	ID     string // of the container
	Path   string
	Format Format
	Ended  bool // the container does not run: once all is read, that was all

	Measurement string
	Tags        []plugins.Tag
	Start       *regexp.Regexp // of entries with many lines; nil: as configured

	gone bool // the container was removed
}

// Config configures a [Follower].
type Config struct {
	Dir       string // for the positions
	FromStart bool   // also logs that were there before the first run
	Multiline bool   // join lines that belong together
	Strip     bool   // remove ANSI escape codes
	MaxEntry  int    // bytes of an entry
	MaxFiles  int
	Now       func() time.Time
	Log       *slog.Logger
}

// Stats counts since the start. Of lines,
//
//	Lines = Stored + Again + Lost + Held
//
// at every look.
type Stats struct {
	Files       int   // followed now
	Lines       int64 // read; in CRI and json-file the pieces of a long line count
	Stored      int64 // lines of entries that are durable
	Again       int64 // lines whose file was opened anew before they were stored: they are read again
	Lost        int64 // lines of a file that could not be opened again before its container was removed
	Held        int64 // lines in memory
	Entries     int64 // stored
	Malformed   int64 // lines that are not of the format of their file, delivered as they are
	Truncated   int64 // bytes cut off
	Truncations int64 // files that became shorter
	Missed      int64 // files removed before they were read to the end
	Refused     int   // logs that are not followed, because there are too many
}

// Timing of the follower.
const (
	pollEvery = 250 * time.Millisecond
	holdOpen  = 2 * time.Second // how long an entry waits for further lines
	maxBatch  = 1000            // entries, of one block
	maxBytes  = 512 << 10
	farewell  = 5 * time.Second // for the answer to the last block
	remember  = time.Hour       // how long a position is kept that belongs to no container
)

// Follower follows logs. One goroutine runs it; Update and Stats may be
// called from others.
type Follower struct {
	cfg     Config
	journal *journal
	files   map[string]*file
	first   bool // no discovery yet

	mu       sync.Mutex
	wanted   []Source // of the last discovery; nil: no new one
	complete bool     // wanted is all there is
	visible  Stats

	stats   Stats
	batch   []plugins.Point
	bytes   int
	lines   int64           // of the batch
	changed map[string]bool // files whose position has moved
	gone    []position
	absent  map[string]time.Time // since when nobody names the log of a position
}

// New returns a follower that does nothing yet.
func New(cfg Config) *Follower {
	return &Follower{cfg: cfg, files: map[string]*file{}, first: true, changed: map[string]bool{}, absent: map[string]time.Time{}}
}

// Update says which logs there are. When they are complete, logs that are not
// named any more are read to their end and left; otherwise, because a runtime
// did not answer, they are followed as before.
func (f *Follower) Update(all []Source, complete bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted, f.complete = append([]Source{}, all...), complete
}

// Stats returns the counters.
func (f *Follower) Stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.visible
}

// Run follows until ctx ends. What is then not stored is read again by the
// next run.
func (f *Follower) Run(ctx context.Context, out plugins.Storer) (err error) {
	if f.journal, err = openJournal(f.cfg.Dir); err != nil {
		return err
	}
	defer func() {
		f.publish()
		for _, file := range f.files {
			file.close()
		}
		err = errors.Join(err, f.journal.close())
	}()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	buf := make([]byte, chunk)
	for ctx.Err() == nil {
		f.refresh()
		more, err := f.round(ctx, buf, out)
		if err != nil {
			return err
		}
		f.publish()
		if more {
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	return nil
}

func (f *Follower) publish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.visible = f.stats
	f.visible.Files, f.visible.Held = len(f.files), f.lines
	for _, file := range f.files {
		f.visible.Held += file.held()
	}
}

// round gives every file its turn and stores what they gave.
func (f *Follower) round(ctx context.Context, buf []byte, out plugins.Storer) (more bool, err error) {
	for id, file := range f.files {
		if file.reader == nil {
			f.begin(file)
		}
		emit := func(e entry) { f.add(file, e) }
		before := file.position()
		again, err := file.step(buf, emit)
		if err != nil {
			f.cfg.Log.Warn("a log cannot be read, trying again", "container", id, "err", err)
			file.close()
			continue
		}
		more = more || again
		file.flush(holdOpen, emit)
		if file.over {
			file.flush(0, emit)
		}
		if file.position() != before {
			f.changed[id] = true
		}
		if len(f.batch) >= maxBatch || f.bytes >= maxBytes {
			if err := f.store(ctx, out); err != nil {
				return false, err
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	return more, f.store(ctx, out)
}

// add puts an entry into the batch.
func (f *Follower) add(file *file, e entry) {
	p := f.point(file.src, e)
	f.batch = append(f.batch, p)
	f.bytes += len(e.text) + 256
	f.lines += e.lines
}

// store makes the batch durable and then commits the positions. It gives up
// only when ctx ends, and then commits nothing.
func (f *Follower) store(ctx context.Context, out plugins.Storer) error {
	delays := backoff.New(50*time.Millisecond, 5*time.Second, nil)
	for len(f.batch) > 0 {
		// Once it is on its way an answer is worth waiting for, so that a
		// restart doubles nothing.
		waiting, cancel := context.WithCancel(context.WithoutCancel(ctx))
		stop := context.AfterFunc(ctx, func() { time.AfterFunc(farewell, cancel) })
		err := out.Store(waiting, plugins.Logging, f.batch)
		stop()
		cancel()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return nil // the next run reads them again
		}
		f.cfg.Log.Warn("logs cannot be stored, trying again", "err", err)
		select {
		case <-time.After(delays.Next()):
		case <-ctx.Done():
			return nil
		}
	}
	f.stats.Entries += int64(len(f.batch))
	f.stats.Stored += f.lines
	f.batch, f.bytes, f.lines = nil, 0, 0
	return f.commit()
}

// commit notes the positions of what is stored.
func (f *Follower) commit() error {
	commit := f.gone
	for id := range f.changed {
		if file := f.files[id]; file != nil && file.reader != nil {
			commit = append(commit, file.position())
		}
	}
	f.gone = nil
	clear(f.changed)
	return f.journal.commit(commit)
}
