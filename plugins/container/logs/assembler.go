package logs

import (
	"regexp"
	"time"
)

// entry is one log: a line, or several that belong together.
type entry struct {
	time   time.Time
	stream int
	text   []byte
	start  int64 // where it begins in its file
	inode  uint64
	lines  int64 // it was made of
}

// rules say how lines become entries.
type rules struct {
	start *regexp.Regexp // a line that matches begins an entry, others go on with it; nil: see auto
	auto  bool           // lines that begin with white space go on; so do, once a line began with a date, those that do not
	max   int            // bytes of an entry
}

// dated matches the beginnings of lines of common log formats: dates and
// times, also in brackets, and the names of months and weekdays before a day.
var dated = regexp.MustCompile(`^\[?(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.](?:\d{1,2}|[A-Z][a-z]{2})[-/.]\d{2,4}|\d{8}[ T-]\d{2}|\d{2}:\d{2}:\d{2}|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? |(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +\d|[IWEF]\d{4} )`)

// assembler joins the records of one stream.
type assembler struct {
	rules
	open    bool
	partial bool // the last record said that its line goes on
	carried bool // the entry began in the file before
	isDated bool // a line began with a date
	entry   entry
	lost    int64 // bytes cut off since the last look
	touched time.Time
}

// add takes a record that begins at start, and hands over entries that are
// complete. now is for the time of raw lines.
func (a *assembler) add(r record, start int64, now time.Time, emit func(entry)) {
	switch {
	case a.open && a.partial:
		a.extend(r.text, false)
	case a.open && a.continues(r.text) && len(a.entry.text)+1+len(r.text) <= a.max:
		a.extend(r.text, true)
	default:
		a.flush(emit)
		if r.time.IsZero() {
			r.time = now
		}
		a.entry = entry{time: r.time, stream: r.stream, start: start}
		a.open = true
		a.extend(r.text, false)
	}
	a.partial, a.touched = r.partial, now
	if !a.partial && a.start == nil && !a.auto {
		a.flush(emit)
	}
}

// continues reports whether a line goes on with the entry before it.
func (a *assembler) continues(text []byte) bool {
	if a.start != nil {
		return !a.start.Match(text)
	}
	if !a.auto {
		return false
	}
	if len(text) > 0 && (text[0] == ' ' || text[0] == '\t') {
		return true
	}
	if dated.Match(text) {
		a.isDated = true
		return false
	}
	return a.isDated
}

func (a *assembler) extend(text []byte, line bool) {
	if a.auto && len(a.entry.text) == 0 && dated.Match(text) {
		a.isDated = true
	}
	if line {
		a.entry.text = append(a.entry.text, '\n')
	}
	if room := a.max - len(a.entry.text); len(text) > room {
		a.lost += int64(len(text) - room)
		text = text[:room]
	}
	a.entry.text = append(a.entry.text, text...)
	a.entry.lines++
}

// flush hands over what is open.
func (a *assembler) flush(emit func(entry)) {
	if !a.open {
		return
	}
	e := a.entry
	a.open, a.partial, a.carried, a.entry = false, false, false, entry{}
	emit(e)
}
