package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/feed"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// look runs one input for a moment. What it feeds takes the way of the agent:
//
//	input ── points ──► lists ──► feed ── blocks ─┐
//	external program ── blocks ───────────────────┴─► blockPrinter
type look struct {
	input  any // an inputs.Input or an inputs.Runner
	rates  bool
	wait   time.Duration
	feed   *intake
	out    point.Sink
	print  *blockPrinter
	report func(format string, args ...any)

	mu   sync.Mutex
	last error // what a Runner reported
}

func systemName() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

func (p *program) newLook(l layout, in inputConfig, h host, m *config.Main, o debugInputOptions) (*look, error) {
	book := new(ledger.Book)
	v := &look{
		rates: in.factory.Rates, wait: o.wait, print: newBlockPrinter(p.out, in.factory.Spec, o),
		report: func(format string, args ...any) { fmt.Fprintf(p.errOut, "datakit: "+format+"\n", args...) },
	}
	f, err := feed.New(feed.Config{Name: "debug", Out: v.print, Book: book, Tags: h.tags, MaxPoints: m.IO.MaxCacheCount, Log: p.quiet()})
	if err != nil {
		return nil, err
	}
	v.feed = &intake{feed: f, name: "debug"}
	v.out = v.feed.behind(in.cfg)
	if err := os.MkdirAll(l.runDir(), 0o755); err != nil {
		l.home = os.TempDir() // a user who may not write there may look all the same
	}
	v.input, err = in.factory.New(in.cfg, inputs.Env{
		Log: p.quiet(), FS: hostfs.FromEnv(func(name string) string { v, _ := p.env(name); return v }), Now: time.Now,
		Hostname: h.name, Home: l.home, Tags: maps.Clone(h.tags), APIAddr: h.apiAddr,
		Blocks: v.print, Book: book, Environ: p.environ(),
		Errors: func(err error) {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.last = err
		},
	})
	return v, err
}

func (v *look) run(ctx context.Context) error {
	began := time.Now()
	var err error
	switch in := v.input.(type) {
	case inputs.Input:
		began, err = v.gather(ctx, in)
	case inputs.Runner:
		err = v.follow(ctx, in)
	default:
		err = fmt.Errorf("%T is neither an Input nor a Runner", v.input)
	}
	took := time.Since(began)
	if cerr := v.feed.feed.Close(context.WithoutCancel(ctx)); err == nil {
		err = cerr
	}
	if err == nil {
		err = v.print.flush()
	}
	if errors.Is(err, inputs.ErrNoData) {
		err = nil
	}
	if err != nil {
		return err
	}
	v.report("%d points in %v", v.print.points, took.Round(10*time.Microsecond))
	return nil
}

// gather gathers, the first time in vain where rates are measured. began is
// when the gathering began that counts.
func (v *look) gather(ctx context.Context, in inputs.Input) (began time.Time, err error) {
	began = time.Now()
	if v.rates {
		if err := in.Gather(ctx, noPoints{}); err != nil && !errors.Is(err, inputs.ErrNoData) {
			return began, err
		}
		timer := time.NewTimer(v.wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return began, ctx.Err()
		}
		began = time.Now()
	}
	return began, in.Gather(ctx, v.out)
}

// noPoints takes points nobody wants.
type noPoints struct{}

func (noPoints) Feed(context.Context, point.Category, []point.Point) error { return nil }

// follow runs an input until it sent something and then has been silent.
func (v *look) follow(ctx context.Context, in inputs.Runner) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx, v.out) }()
	silence := time.NewTimer(time.Hour)
	defer silence.Stop()
	for {
		select {
		case <-v.print.came:
			silence.Reset(v.wait)
			continue
		case <-silence.C:
			cancel()
			<-done
			return nil
		case err := <-done:
			v.mu.Lock()
			defer v.mu.Unlock()
			switch {
			case v.print.printed() > 0:
				return nil
			case v.last != nil:
				return v.last
			case ctx.Err() != nil:
				return errors.New("nothing came before --timeout")
			}
			return err
		}
	}
}
