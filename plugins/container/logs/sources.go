package logs

import (
	"regexp"

	"datakit.dev/agent/plugins"
)

// refresh follows the last discovery.
func (f *Follower) refresh() {
	f.mu.Lock()
	wanted := f.wanted
	f.wanted = nil
	f.mu.Unlock()
	if wanted == nil {
		f.drop()
		return
	}
	named := map[string]bool{}
	f.stats.Refused = 0
	for _, src := range wanted {
		named[src.ID] = true
		if file := f.files[src.ID]; file != nil {
			f.update(file, src)
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
	for id, file := range f.files {
		if !named[id] {
			file.src.Ended = true
			file.src.gone = true
		}
	}
	for id, p := range f.journal.live {
		if !named[id] && f.files[id] == nil {
			p.Gone = true
			f.gone = append(f.gone, p)
		}
	}
	f.first = false
	f.drop()
}

// update takes over what may change in the life of a container.
func (f *Follower) update(file *file, src Source) {
	file.src.Ended, file.src.gone = src.Ended, false
	file.src.Tags = src.Tags
	if !src.Ended {
		file.over = false
	}
}

// drop forgets logs that are read to the end and whose container is gone.
func (f *Follower) drop() {
	for id, file := range f.files {
		if file.src.gone && (file.over || file.reader == nil) && !f.changed[id] {
			f.gone = append(f.gone, position{ID: id, Gone: true})
			f.stats.Lost += file.held()
			file.close()
			delete(f.files, id)
		}
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
