package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"datakit.dev/agent/inputs"
	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/dataway"
	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// tryBackends builds every backend; that does no I/O beyond reading secrets.
func tryBackends(l layout, m *config.Main) (mistakes []error) {
	for _, b := range m.AllBackends() {
		client, err := dataway.New(target(l, b, ""))
		if err != nil {
			mistakes = append(mistakes, err)
			continue
		}
		if err := client.Close(); err != nil {
			mistakes = append(mistakes, err)
		}
	}
	return mistakes
}

// tryInputs builds every input, looks for the files that its block names and
// asks the programs of externals. What an input warns of meanwhile is about
// its configuration.
func tryInputs(ctx context.Context, l layout, all []inputConfig, environ []string) (mistakes, missing, warnings []error) {
	for _, in := range all {
		warn := func(text string) { warnings = append(warnings, in.section.Mistake("", text)) }
		env := inputs.Env{
			Log: slog.New(warningHandler(warn)), FS: hostfs.Root{}, Now: time.Now, Home: l.home, Hostname: "check",
			Book: new(ledger.Book), Errors: func(error) {}, Tags: map[string]string{}, Blocks: noBlocks{},
			Environ: environ, Version: version,
		}
		built, err := in.factory.New(in.cfg, env)
		files := missingFiles(l, in)
		missing = append(missing, files...)
		if c, ok := built.(inputs.Checker); ok && err == nil && len(files) == 0 {
			err = c.Check(ctx)
		}
		if err != nil {
			mistakes = append(mistakes, in.section.Mistake("", err.Error()))
		}
	}
	return mistakes, missing, warnings
}

// warningHandler hands on the texts of warnings.
type warningHandler func(text string)

// Enabled implements [slog.Handler].
func (warningHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

// Handle implements [slog.Handler].
func (h warningHandler) Handle(_ context.Context, r slog.Record) error {
	h(r.Message)
	return nil
}

// WithAttrs implements [slog.Handler].
func (h warningHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements [slog.Handler].
func (h warningHandler) WithGroup(string) slog.Handler { return h }

// tryServer builds the HTTP API without listening: it reads the certificate
// and knows which paths there are.
func tryServer(m *config.Main) []error {
	c := listenConfig(m)
	c.Writer, c.Errors, c.Registry, c.Log = noLines{}, httpapi.NewErrorLog(time.Now), prometheus.NewRegistry(), slog.New(slog.DiscardHandler)
	if _, err := httpapi.NewServer(c); err != nil {
		return []error{fmt.Errorf("http_api: %w", err)}
	}
	return nil
}

// noBlocks and noLines refuse everything; 'datakit check' builds with them.
type (
	noBlocks struct{}
	noLines  struct{}
)

func (noBlocks) Put(context.Context, *point.Block) error { return errInvalid }

func (noLines) Lines(context.Context, point.Category, httpapi.Lines) (int, error) {
	return 0, errInvalid
}
