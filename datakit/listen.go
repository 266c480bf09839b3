package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"datakit.dev/agent/internal/config"
	"datakit.dev/agent/internal/httpapi"
	"datakit.dev/agent/internal/ledger"
)

// apiConfig is the configuration of the public API.
func (a *agent) apiConfig(m *config.Main, h host) httpapi.Config {
	c := listenConfig(m)
	c.About, c.Writer, c.Errors, c.Registry, c.Log = about(h), a.api, a.errors, a.registry(), a.log.With("component", "http")
	return c
}

// listenConfig is the part of it that is configured.
func listenConfig(m *config.Main) httpapi.Config {
	return httpapi.Config{
		Listen: m.HTTP.Listen, Socket: m.HTTP.ListenSocket, CertFile: m.HTTP.TLS.Cert, KeyFile: m.HTTP.TLS.Key,
		PublicAPIs: m.HTTP.PublicAPIs, CORSOrigins: m.HTTP.CORSOrigins, Disable404Page: m.HTTP.Disable404Page,
		Timeout: m.HTTP.Timeout, MaxBody: int64(m.HTTP.MaxBody),
		RateLimit: m.HTTP.RequestRateLimit, RateBurst: m.HTTP.RateLimitBurst, RateTTL: m.HTTP.RateLimitTTL,
	}
}

func about(h host) httpapi.About {
	return httpapi.About{Version: version, Commit: thisBuild().Commit, Hostname: h.name}
}

// registry is the metrics of the process and of the state of the agent. Each
// API has one of its own, to which it adds its requests.
func (a *agent) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), httpapi.StateMetrics(a.state))
	return r
}

// serve makes server the public API, in place of the one that runs.
func (a *agent) serve(server *httpapi.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), stepTimeout)
	defer cancel()
	if err := a.public.Close(ctx); err != nil {
		a.log.Warn("the old HTTP API", "error", err)
	}
	a.public = begin("HTTP API", server.Run)
}

// startAdmin starts the private API of the command line.
func (a *agent) startAdmin() error {
	api, err := httpapi.NewAPI(a.apiConfig(a.settings.main, a.host()))
	if err != nil {
		return err
	}
	admin, err := httpapi.ListenAdmin(httpapi.AdminConfig{
		Path: a.layout.socket(), State: a.state, Reload: a.reload, Level: a.level, Tap: a.tap, API: api,
		Accounts: func() []ledger.Account { return a.book.Snapshot() }, Log: a.log.With("component", "admin"),
	})
	if err != nil {
		return err
	}
	a.admin = begin("admin API", admin.Run)
	return nil
}
