package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/queue"
	"datakit.dev/agent/internal/runner"
)

// agent is the running program.
//
//	inputs ── points ──► own feed ──┐
//	children ── blocks ─────────────┼─► tap ─► queue ─► one uploader per backend ─► backends
//	HTTP clients ── lines ─► api feed ┘   └─► datakit tail
type agent struct {
	program    *program
	options    options
	layout     layout
	factories  []inputs.Factory
	fs         hostfs.Root
	systemName string
	started    time.Time

	log     *slog.Logger
	level   *slog.LevelVar
	logFile io.Closer
	lock    *lock
	limits  httpapi.ProcessLimits

	book     *ledger.Book
	errors   *httpapi.ErrorLog
	tap      *httpapi.Tap
	children *children
	queue    *queue.Queue
	queueDir string
	own, api *intake
	uploads  *uploads
	inputs   *runner.Group
	admin    *service
	pprof    *profiler

	before map[string]int64 // see accounts; changes within book.View

	hostNow atomic.Pointer[host]

	reloading sync.Mutex // one at a time; guards what follows
	settings  *settings
	public    *service
}

// options are those of 'datakit run'.
type options struct {
	container bool
	tail      bool
}

// newAgent reads the configuration and claims the home folder. Nothing runs
// before start.
func newAgent(p *program, l layout, factories []inputs.Factory, o options) (*agent, error) {
	if err := os.MkdirAll(l.runDir(), 0o755); err != nil {
		return nil, fmt.Errorf("prepare the home folder: %w", err)
	}
	claim, err := takeLock(l.pidFile())
	if err != nil {
		return nil, err
	}
	s, err := p.readSettings(l, factories)
	if err != nil {
		return nil, errors.Join(err, claim.Close())
	}
	getenv := func(name string) string { v, _ := p.env(name); return v }
	system, err := os.Hostname()
	if err != nil {
		system = "unknown"
	}
	a := &agent{
		program: p, options: o, layout: l, factories: factories, settings: s, lock: claim,
		fs: hostfs.FromEnv(getenv), systemName: system, started: time.Now(), level: new(slog.LevelVar),
		book: new(ledger.Book), errors: httpapi.NewErrorLog(time.Now), tap: httpapi.NewTap(), before: map[string]int64{},
	}
	a.children = new(children)
	console := p.out
	if o.tail { // which has the standard output for itself
		console = p.errOut
	}
	a.log, a.logFile = openLog(l, s.main.Logging, a.level, console)
	return a, nil
}

// start brings everything up, in the order in which points flow backwards:
// what takes points runs before what makes them. After an error stop cleans up.
func (a *agent) start(ctx context.Context) error {
	m := a.settings.main
	a.limits = applyLimits(m, a.program.env, a.log)
	h := a.hostOf(m)
	a.setHost(h)
	if err := writeSamples(a.layout, a.factories); err != nil {
		a.log.Warn("cannot write the samples", "error", err)
	}
	if err := a.openQueue(m); err != nil {
		return err
	}
	var err error
	if a.own, a.api, err = a.newFeeds(m); err != nil {
		return err
	}
	a.noteBackends()
	a.book.Add(a.accounts)
	a.uploads = &uploads{layout: a.layout, queue: a.queue, log: a.log, userAgent: dataway.UserAgent(version, h.name)}
	if _, err := a.uploads.apply(backendsOf(a.layout, m)); err != nil {
		return err
	}
	a.inputs = runner.New(runner.Config{Log: a.log, StopTimeout: 12 * time.Second})
	if err := a.startAdmin(); err != nil {
		return err
	}
	server, err := httpapi.NewServer(a.apiConfig(m, h))
	if err != nil {
		return err
	}
	a.serve(server)
	if m.EnablePprof {
		a.pprof = startProfiler(m.PprofListen, a.log)
	}
	change, err := a.applyInputs(ctx, a.settings, h)
	a.report(a.settings)
	a.log.Info("agent is running", "version", version, "home", a.layout.home, "pid", os.Getpid(), "host", h.name, "inputs", change.Started)
	return err
}

func (a *agent) openQueue(m *config.Main) (err error) {
	policy := queue.DropOldest
	if m.Queue.WhenFull == config.WhenFullBlock {
		policy = queue.Block
	}
	a.queueDir = a.layout.path(m.Queue.Path)
	a.queue, err = queue.Open(queue.Config{
		Dir: a.queueDir, MaxBytes: int64(m.Queue.MaxSize), SegmentBytes: int64(m.Queue.SegmentSize),
		SyncInterval: m.Queue.SyncInterval, WhenFull: policy, Book: a.book, Log: a.log.With("component", "queue"),
	}, backendNames(backendsOf(a.layout, m)))
	return err
}

// report logs what is wrong with the configuration and how it could be used.
func (a *agent) report(s *settings) {
	for _, w := range s.warnings {
		a.log.Warn("configuration: " + w.Error())
	}
	for _, m := range s.mistakes {
		a.log.Error("configuration: " + m.Error())
	}
	if len(s.inputs) == 0 {
		a.log.Info("no input is configured; copy a sample such as conf.d/host/ebpf.conf.sample to a name that ends in .conf")
	}
	if len(s.main.AllBackends()) == 0 {
		a.log.Info("no backend is configured; points go to the local store", "folder", a.layout.store())
	}
}
