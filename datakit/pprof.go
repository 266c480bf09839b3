package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// profiler serves Go's pprof.
type profiler struct {
	server *http.Server
	done   chan struct{}
}

// startProfiler listens at address; when that fails it warns and the agent
// goes on without.
func startProfiler(address string, log *slog.Logger) *profiler {
	l, err := net.Listen("tcp", address)
	if err != nil {
		log.Warn("pprof is not available", "error", err)
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	p := &profiler{server: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		if err := p.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Warn("pprof stopped", "error", err)
		}
	}()
	return p
}

// Close stops the service; nil is fine.
func (p *profiler) Close(context.Context) error {
	if p == nil {
		return nil
	}
	err := p.server.Close()
	<-p.done
	return err
}
