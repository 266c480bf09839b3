package logs

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"

	"datakit.dev/agent/plugins"
)

// refresh follows the last discovery.
func (f *Follower) refresh() {
	f.mu.Lock()
	wanted, complete := f.wanted, f.complete
	f.wanted = nil
	f.mu.Unlock()
	if wanted == nil {
		f.drop()
		return
	}
	// Where there is no place for all, those that grow come first.
	slices.SortStableFunc(wanted, func(a, b Source) int {
		switch {
		case a.Ended == b.Ended:
			return 0
		case a.Ended:
			return 1
		}
		return -1
	})
	named := map[string]bool{}
	f.stats.Refused = 0
	for _, src := range wanted {
		named[src.ID] = true
		if file := f.files[src.ID]; file != nil {
			f.update(file, src)
			continue
		}
		if src.Ended && f.finished(src) {
			continue
		}
		if len(f.files) >= f.cfg.MaxFiles {
			f.stats.Refused++
			continue
		}
		file := newFile(src, f.rules(src), &f.stats, f.cfg.Now)
		f.files[src.ID] = file
		f.begin(file)
	}
	f.first = false
	if complete {
		f.leave(named)
	}
	f.drop()
}

// leave lets go of what was not named: files once they are read to their end,
// positions when the log itself is gone or nobody has named it for long. Until
// then its runtime may only be down: after a reboot it may well start later
// than the agent.
func (f *Follower) leave(named map[string]bool) {
	for id, file := range f.files {
		if !named[id] {
			file.src.Ended, file.src.gone = true, true
		}
	}
	now := f.cfg.Now()
	for id, p := range f.journal.live {
		if named[id] || f.files[id] != nil {
			delete(f.absent, id)
			continue
		}
		since, known := f.absent[id]
		if !known {
			since, f.absent[id] = now, now
		}
		if _, err := os.Stat(p.Path); errors.Is(err, fs.ErrNotExist) || now.Sub(since) >= remember {
			delete(f.absent, id)
			p.Gone = true
			f.gone = append(f.gone, p)
		}
	}
}

// finished reports whether the log of a container that does not run has
// nothing that was not delivered.
func (f *Follower) finished(src Source) bool {
	p, known := f.journal.live[src.ID]
	if !known {
		return false
	}
	info, err := os.Stat(src.Path)
	return err == nil && inode(info) == p.Inode && info.Size() == p.from()
}

// update takes over what may change in the life of a container.
func (f *Follower) update(file *file, src Source) {
	file.src.Ended, file.src.gone = src.Ended, false
	file.src.Tags, file.src.Measurement = src.Tags, src.Measurement
	if !src.Ended {
		file.over = false
	}
}

// drop closes logs that are read to the end and delivered, and to which
// nothing will be added for now: there may be many containers that ended.
func (f *Follower) drop() {
	for id, file := range f.files {
		absent := file.reader == nil && (file.src.gone || file.src.Ended && file.held() == 0)
		if f.changed[id] || !file.over && !absent {
			continue
		}
		f.stats.Lost += file.held()
		file.close()
		delete(f.files, id)
	}
}

// begin opens a log. One that does not exist yet is tried again.
func (f *Follower) begin(file *file) {
	var err error
	if p, known := f.journal.live[file.src.ID]; known {
		err = file.resume(p)
	} else {
		// What was there before the agent was ever run is history.
		err = file.begins(f.first && f.journal.fresh && !f.cfg.FromStart)
	}
	if err != nil {
		f.cfg.Log.Warn("a log cannot be opened, trying again", "container", file.src.ID, "path", file.src.Path, "err", err)
	}
	if file.reader != nil {
		f.changed[file.src.ID] = true
	}
}

func (f *Follower) rules(src Source) rules {
	return rules{start: src.Start, auto: f.cfg.Multiline && src.Start == nil, max: f.cfg.MaxEntry}
}

// escapes are the ANSI codes that colour text and move the cursor (ECMA-48).
var escapes = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])`)

// point makes a point of an entry.
func (f *Follower) point(src Source, e entry) plugins.Point {
	text := e.text
	if f.cfg.Strip {
		text = escapes.ReplaceAll(text, nil)
	}
	tags := make([]plugins.Tag, len(src.Tags), len(src.Tags)+1)
	copy(tags, src.Tags)
	return plugins.Point{
		Measurement: src.Measurement, Time: e.time.UnixNano(),
		Tags: append(tags, plugins.Tag{Key: "stream", Value: streamName(e.stream)}),
		Fields: []plugins.Field{
			{Key: "message", Value: plugins.String(string(text))},
			{Key: "status", Value: plugins.String("info")},
			{Key: "log_read_offset", Value: plugins.Int(e.start)},
			{Key: "log_file_inode", Value: plugins.Int(int64(e.inode))},
		},
	}
}
