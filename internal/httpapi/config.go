package httpapi

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is what an [API] and its [Server] need. Writer, Errors, Registry and
// Log are required; zero values of the rest mean the default.
type Config struct {
	Listen   string // host:port, or the path of a unix socket; "" for none
	Socket   string // path of one more unix socket
	CertFile string // PEM; with KeyFile: HTTPS on Listen
	KeyFile  string

	PublicAPIs     []string      // paths that other hosts may call; empty: ping, ntp, write
	CORSOrigins    []string      // origins whose pages may read answers; "*" for all
	Disable404Page bool          // answer unknown paths with JSON
	Timeout        time.Duration // of one request; 30 s
	MaxBody        int64         // bytes of a body after decompression; 32 MiB
	RateLimit      float64       // requests per second and client, loopback exempt; 0: none
	RateBurst      int           // requests at once
	RateTTL        time.Duration // a silent client is forgotten after; 1 min

	About    About
	Writer   Writer
	Errors   *ErrorLog
	Registry *prometheus.Registry
	Log      *slog.Logger
	Now      func() time.Time
}

// Defaults of [Config].
const (
	DefaultTimeout = 30 * time.Second
	DefaultMaxBody = 32 << 20
)

func (c *Config) normalise() error {
	if c.Writer == nil || c.Errors == nil || c.Registry == nil || c.Log == nil {
		return errors.New("the HTTP API needs a writer, an error log, a registry and a logger")
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return errors.New("TLS of the HTTP API needs both certificate and key")
	}
	if c.MaxBody < 0 || c.Timeout < 0 || c.RateLimit < 0 || c.RateTTL < 0 {
		return fmt.Errorf("limits of the HTTP API must not be negative: body %d, timeout %v, rate %v, time to live %v",
			c.MaxBody, c.Timeout, c.RateLimit, c.RateTTL)
	}
	if c.MaxBody == 0 {
		c.MaxBody = DefaultMaxBody
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.RateTTL == 0 {
		c.RateTTL = time.Minute
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return nil
}
