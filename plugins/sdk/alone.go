package sdk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"datakit.dev/agent/plugins"
)

// options are the flags that every program has.
type options struct {
	server   string // --datakit-apiserver
	hostname string
	service  string
	config   string // file
	log      string
	level    string
	pidfile  string
}

// stopTimeout is how long a program that runs alone may flush.
const stopTimeout = 10 * time.Second

// runAlone runs the program without an agent above it until ctx ends. It
// posts to the agent's HTTP API.
func runAlone(ctx context.Context, w work, o options, flags []given) error {
	doc := ""
	if o.config != "" {
		raw, err := os.ReadFile(o.config)
		if err != nil {
			return configError{fmt.Errorf("read --config: %w", err)}
		}
		doc = string(raw)
	}
	r, err := w.program.resolve(or(o.config, "command line"), doc, flags)
	if err != nil {
		return configError{err}
	}
	for _, warning := range r.warnings {
		w.log.Warn(warning)
	}
	w.engine = newEngine(w.program, r, w.log, w.fs)
	if err := w.engine.check(); err != nil {
		return configError{err}
	}
	if o.pidfile != "" {
		release, err := lockPidfile(o.pidfile)
		if err != nil {
			return err
		}
		defer release()
	}
	host := o.host(r)
	out, err := newPoster(o.server, w.program.Name, w.program.Version, host, w.book)
	if err != nil {
		return configError{err}
	}
	defer func() { _ = out.close() }()
	if err := w.start(out, map[string]string{"host": host, "service": o.service}); err != nil {
		return err
	}
	w.log.Info("running", "program", w.program.Name, "version", w.program.Version, "plugins", w.engine.chosen, "datakit-apiserver", o.server)

	exceeded, err := w.runAndTell(ctx, o.server)
	if err != nil {
		return configError{err}
	}
	timeout := stopTimeout
	if exceeded != nil {
		timeout = limitFlush
	}
	flushing, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	err = w.flush(flushing)
	s := w.feed.Stats()
	w.log.Info("stopped", "captured", s.Captured, "delivered", s.Emitted, "filtered", s.Filtered, "sampled", s.Sampled, "dropped", s.Dropped, "pending", s.Pending)
	return errors.Join(exceeded, err)
}

// runAndTell runs the plugins and tells the agent what is wrong with them.
func (w *work) runAndTell(ctx context.Context, address string) (exceeded, err error) {
	server, err := apiServer(address)
	if err != nil {
		return nil, err
	}
	telling, stop := context.WithCancel(ctx)
	var told sync.WaitGroup
	told.Go(func() {
		newComplainer(server.Scheme+"://"+server.Host, w.program.Name).run(telling, func() []plugins.State {
			all, _ := w.engine.states.snapshot()
			return all
		})
	})
	defer told.Wait()
	defer stop()
	return w.run(ctx), nil
}

// host is the value of the tag host: flag, tag of the configuration, system.
func (o options) host(r *resolved) string {
	if o.hostname != "" {
		return o.hostname
	}
	if host := r.settings.Tags["host"]; host != "" {
		return host
	}
	if host, err := os.Hostname(); err == nil {
		return host
	}
	return "no-value"
}

// configError is an error that the user has to repair.
type configError struct{ error }

// Unwrap returns the error itself.
func (c configError) Unwrap() error { return c.error }

func or(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}
