package queue

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"datakit.dev/agent/internal/point"
)

// Report is what a stopped queue holds, record by record.
type Report struct {
	Dir        string      `json:"dir"`
	Logs       []LogReport `json:"logs"`
	AsideFiles int         `json:"aside_files"` // in damaged/
	AsideBytes int64       `json:"aside_bytes"`
}

// LogReport is the log of one category.
type LogReport struct {
	Category point.Category `json:"-"`
	Name     string         `json:"category"`
	Segments int            `json:"segments"`
	Bytes    int64          `json:"bytes"` // of all segments
	Records  int64          `json:"records"`
	Points   int64          `json:"points"`
	Oldest   time.Time      `json:"oldest"`
	Newest   time.Time      `json:"newest"`

	DamagedRegions int64 `json:"damaged_regions"` // bytes that are no record
	DamagedBytes   int64 `json:"damaged_bytes"`
	TornBytes      int64 `json:"torn_bytes"`      // an unfinished write at the end
	MissingRecords int64 `json:"missing_records"` // by the numbers of the good ones, damaged ones among them
	MissingPoints  int64 `json:"missing_points"`

	Backends []BackendReport `json:"backends"`
}

// BackendReport is what one backend has queued in a log: good records from
// its cursor on, and what is missing among them.
type BackendReport struct {
	Backend        string    `json:"backend"`
	Error          string    `json:"error,omitempty"` // the cursor is damaged; everything counts as queued
	Records        int64     `json:"records"`
	Points         int64     `json:"points"`
	Bytes          int64     `json:"bytes"`
	MissingRecords int64     `json:"missing_records"`
	MissingPoints  int64     `json:"missing_points"`
	Oldest         time.Time `json:"oldest"`
}

// Inspect reads all records of a stopped queue and counts them. It changes
// nothing.
func Inspect(dir string) (r Report, err error) {
	err = offline(dir, func() error {
		r, err = inspect(dir)
		return err
	})
	return r, err
}

func inspect(dir string) (Report, error) {
	r := Report{Dir: dir}
	logs, err := logDirs(dir, Filter{})
	if err != nil {
		return r, err
	}
	for _, d := range logs {
		l, err := d.inspect()
		if err != nil {
			return r, err
		}
		r.Logs = append(r.Logs, l)
	}
	aside, err := os.ReadDir(filepath.Join(dir, damagedName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return r, err
	}
	for _, e := range aside {
		if info, err := e.Info(); err == nil {
			r.AsideFiles++
			r.AsideBytes += info.Size()
		}
	}
	return r, nil
}

func (d logDir) inspect() (LogReport, error) {
	r := LogReport{Category: d.category, Name: d.category.String(), Segments: len(d.segments)}
	for _, file := range d.segments {
		r.Bytes += file.size
	}
	cursors, err := d.cursors()
	if err != nil {
		return r, err
	}
	// Where each one expects its next record.
	expect := make([]position, len(cursors))
	for i, c := range cursors {
		b := BackendReport{Backend: c.backend}
		if c.err != nil {
			b.Error = c.err.Error()
		}
		r.Backends = append(r.Backends, b)
		expect[i] = c.at
	}
	var whole position
	err = d.scan(func(_ segmentFile, s stretch) error {
		r.add(s, &whole)
		for i := range r.Backends {
			r.Backends[i].add(s, &expect[i])
		}
		return nil
	})
	// Records may be missing at the end too: a cursor knows of them.
	for i := range cursors {
		for k := range cursors {
			r.Backends[i].missing(cursors[k].at, &expect[i])
		}
	}
	return r, err
}

// add counts one stretch; expect is where the next record should be, zero for
// wherever it is.
func (r *LogReport) add(s stretch, expect *position) {
	switch s.kind {
	case damaged:
		r.DamagedRegions++
		r.DamagedBytes += s.size
	case torn:
		r.TornBytes += s.size
	}
	if s.kind != whole {
		return
	}
	here := at(&s.head, 0, 0)
	if expect.seq > 0 && here.seq > expect.seq {
		r.MissingRecords += int64(here.seq - expect.seq)
		r.MissingPoints += int64(here.points - expect.points)
	}
	*expect = here.after(&s.head)
	written := time.Unix(0, s.head.written)
	if r.Records == 0 {
		r.Oldest = written
	}
	r.Records++
	r.Points += int64(s.head.points)
	r.Newest = written
}

// add counts one stretch if it lies behind the cursor.
func (r *BackendReport) add(s stretch, expect *position) {
	if s.kind == damaged && s.known() && s.head.seq >= expect.seq && expect.seq > 0 {
		r.missing(at(&s.head, 0, 0).after(&s.head), expect)
	}
	if s.kind != whole || s.head.seq < expect.seq {
		return
	}
	here := at(&s.head, 0, 0)
	if expect.seq > 0 {
		r.missing(here, expect)
	}
	*expect = here.after(&s.head)
	if r.Records == 0 {
		r.Oldest = time.Unix(0, s.head.written)
	}
	r.Records++
	r.Points += int64(s.head.points)
	r.Bytes += s.size
}

// missing counts what lies between expect and here, if anything.
func (r *BackendReport) missing(here position, expect *position) {
	if here.seq > expect.seq {
		r.MissingRecords += int64(here.seq - expect.seq)
		r.MissingPoints += int64(here.points - expect.points)
		expect.seq, expect.points = here.seq, here.points
	}
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) }
