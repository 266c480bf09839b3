// Package profiles serves Go's profiles (net/http/pprof) of a process.
package profiles

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"datakit.dev/agent/internal/listen"
)

// Serve serves the profiles below /debug/pprof/ at address until ctx ends. An
// address that is busy costs the profiles and nothing else. The profiles of a
// root process tell a lot about it: whoever binds them to more than loopback
// is told so.
func Serve(ctx context.Context, log *slog.Logger, address string) {
	listener, err := listen.TCP(ctx, address)
	if err != nil {
		log.Warn("pprof is not available", "address", address, "error", err)
		return
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
		log.Warn("pprof is open to other hosts", "address", address)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Warn("pprof stopped", "address", address, "error", err)
	}
}
