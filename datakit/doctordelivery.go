package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/queue"
)

// queueOf judges the queue of a running agent.
func (d *doctor) queueOf(q httpapi.QueueState) section {
	s := section{Title: "Queue"}
	used := fmt.Sprintf("%s of %s in %s", bytesText(q.Bytes), bytesText(q.MaxBytes), q.Dir)
	if q.Full {
		s.problem("is full, %s: clients get 429, the oldest points of collectors are dropped", used)
	} else {
		s.ok("%s", used)
	}
	for _, b := range waiting(q.Cursors) {
		s.note("%s: %d points wait, the oldest for %s", b.Backend, b.Queued, since(d.now(), b.Oldest))
	}
	if q.DamagedRegions > 0 {
		s.warn("%d damaged regions (%s) were set aside since the start", q.DamagedRegions, bytesText(q.DamagedBytes))
	}
	if n := q.WriteErrors + q.SyncErrors + q.CursorErrors; n > 0 {
		s.problem("the file system refused %d writes, %d syncs, %d cursor updates since the start", q.WriteErrors, q.SyncErrors, q.CursorErrors)
	}
	return s
}

// waiting sums the cursors that have something queued, by backend.
func waiting(cursors []httpapi.CursorState) (all []httpapi.CursorState) {
	at := map[string]int{}
	for _, c := range cursors {
		if c.Queued == 0 {
			continue
		}
		i, ok := at[c.Backend]
		if !ok {
			i = len(all)
			at[c.Backend] = i
			all = append(all, httpapi.CursorState{Backend: c.Backend, Oldest: c.Oldest})
		}
		all[i].Queued += c.Queued
		if c.Oldest.Before(all[i].Oldest) {
			all[i].Oldest = c.Oldest
		}
	}
	return all
}

// queueOffline reads the queue of an agent that does not run.
func (d *doctor) queueOffline(cfg *settings) section {
	s := section{Title: "Queue"}
	dir := d.queueDir(cfg)
	r, err := queue.Inspect(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.note("%s does not exist yet", dir)
		return s
	case errors.Is(err, queue.ErrLocked):
		s.warn("%v", err)
		return s
	case err != nil:
		s.problem("%v", err)
		return s
	}
	var points, regions int64
	for _, l := range r.Logs {
		regions += l.DamagedRegions
		for _, b := range l.Backends {
			points += b.Points
			if b.Error != "" {
				s.warn("%s, %s: %s; everything counts as queued ('datakit queue repair' sets it aside)", b.Backend, l.Name, b.Error)
			}
		}
	}
	s.ok("%d points wait in %s", points, dir)
	if regions > 0 {
		s.warn("%d damaged regions; the agent steps over them, 'datakit queue repair' sets them aside", regions)
	}
	return s
}

func (d *doctor) queueDir(cfg *settings) string {
	if cfg == nil {
		return d.layout.path(config.DefaultMain().Queue.Path)
	}
	return d.layout.path(cfg.main.Queue.Path)
}

// diskSpace is what a file system has left.
type diskSpace struct {
	free   int64 // bytes for this user
	inodes uint64
}

// spaceOf asks the file system of dir, or of the nearest folder above it that
// exists.
func spaceOf(dir string) (diskSpace, error) {
	var fs unix.Statfs_t
	err := unix.Statfs(dir, &fs)
	for ; errors.Is(err, os.ErrNotExist) && dir != filepath.Dir(dir); err = unix.Statfs(dir, &fs) {
		dir = filepath.Dir(dir)
	}
	if err != nil {
		return diskSpace{}, fmt.Errorf("look at the disk of %s: %w", dir, err)
	}
	space := diskSpace{free: int64(fs.Bavail) * fs.Bsize, inodes: fs.Ffree}
	if fs.Files == 0 { // btrfs and others make them as needed
		space.inodes = ^uint64(0)
	}
	return space, nil
}

// A disk with less than this left is as good as full.
const (
	littleSpace  = 64 << 20
	littleInodes = 1000
)

// disk tells whether the queue may grow to its bound.
func (d *doctor) disk(cfg *settings, q httpapi.QueueState) section {
	s := section{Title: "Disk"}
	dir := d.queueDir(cfg)
	space, err := d.space(dir)
	if err != nil {
		s.problem("%v", err)
		return s
	}
	bound := int64(config.DefaultMain().Queue.MaxSize)
	if cfg != nil {
		bound = int64(cfg.main.Queue.MaxSize)
	}
	grow := max(0, bound-q.Bytes)
	switch {
	case space.free < littleSpace || space.inodes < littleInodes:
		s.problem("%s and %d inodes are free for %s", bytesText(space.free), space.inodes, dir)
	case space.free < grow:
		s.warn("%s are free for %s, but the queue may grow by %s (queue.max_size)", bytesText(space.free), dir, bytesText(grow))
	default:
		s.ok("%s are free for %s, the queue may grow by %s", bytesText(space.free), dir, bytesText(grow))
	}
	return s
}

// Differences of clocks: beyond the first points land in the wrong place of a
// chart, beyond the second backends refuse or rewrite them.
const (
	skewNoticed = 30 * time.Second
	skewHarmful = 5 * time.Minute
)

// backends asks every backend whether it is there, takes our token and has
// the same time.
func (d *doctor) backends(ctx context.Context, cfg *settings, state httpapi.State) section {
	s := section{Title: "Backends"}
	for _, b := range cfg.main.AllBackends() {
		if b.Kind == config.KindFile {
			s.ok("%s: files in %s", b.Name, d.layout.path(b.URL))
			continue
		}
		asking, cancel := context.WithTimeout(ctx, patience)
		probe, err := d.probe(asking, b)
		cancel()
		d.judge(&s, b, probe, err)
		for _, known := range state.Backends {
			if known.Backend == b.Name {
				d.delivery(&s, known)
			}
		}
	}
	if len(s.Findings) == 0 {
		s.note("none is configured; points stay in %s", d.layout.store())
	}
	return s
}

func (d *doctor) judge(s *section, b config.Backend, probe dataway.Probe, err error) {
	if err != nil {
		s.problem("%s (%s): %v", b.Name, b.Kind, err)
	} else {
		s.ok("%s (%s) answers in %s", b.Name, b.Kind, probe.Latency.Round(time.Millisecond))
	}
	if probe.Date.IsZero() {
		return
	}
	switch skew := probe.Skew.Round(time.Second); {
	case skew.Abs() >= skewHarmful:
		s.problem("%s: its clock differs from ours by %s", b.Name, skew)
	case skew.Abs() >= skewNoticed:
		s.warn("%s: its clock differs from ours by %s", b.Name, skew)
	}
}

// delivery adds what the running agent knows of a backend.
func (d *doctor) delivery(s *section, b httpapi.BackendState) {
	switch {
	case b.Alarm != "":
		s.problem("%s needs attention: %s", b.Backend, b.Alarm)
	case b.Failures > 0:
		s.warn("%s: %d failures in a row for %s, %s: %s", b.Backend, b.Failures,
			since(d.now(), b.Since), nextTry(b.NextTry.Sub(d.now())), b.LastError)
	case !b.LastSuccess.IsZero():
		s.ok("%s took data %s ago", b.Backend, since(d.now(), b.LastSuccess))
	}
	if b.Warning != "" {
		s.warn("%s: %s", b.Backend, b.Warning)
	}
	for _, t := range b.Traffic {
		for reason, n := range t.DeadLetters {
			s.warn("%s: %d points of %s were refused for good (%s), see %s", b.Backend, n, t.Category, reason,
				filepath.Join(d.layout.deadLetters(), b.Backend))
		}
	}
}

// nextTry says when the next attempt is; its time is past while it is made.
func nextTry(in time.Duration) string {
	if in < time.Second {
		return "trying again now"
	}
	return "next try in " + in.Round(time.Second).String()
}

// probeBackend asks a backend of the configuration.
func probeBackend(ctx context.Context, l layout, b config.Backend) (probe dataway.Probe, err error) {
	client, err := dataway.New(target(l, b, dataway.UserAgent(version, "doctor")))
	if err != nil {
		return probe, err
	}
	category := point.Metric
	if len(b.Categories) > 0 {
		if category, err = point.ParseCategory(b.Categories[0]); err != nil {
			return probe, err
		}
	}
	probe, err = client.Probe(ctx, category)
	return probe, errors.Join(err, client.Close())
}
