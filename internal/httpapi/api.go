package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// API answers the requests of the public listeners. It is safe for concurrent
// use.
type API struct {
	writer  Writer
	bodies  *bodies
	access  *access
	limit   *rateLimit
	errors  *ErrorLog
	meter   *meter
	about   About
	started time.Time
	timeout time.Duration
	origins []string
	page404 bool
	log     *slog.Logger
	now     func() time.Time
	handler http.Handler
}

// About says who answers.
type About struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Hostname string `json:"host"`
}

// NewAPI validates cfg and returns the API. The metrics go to cfg.Registry.
func NewAPI(cfg Config) (*API, error) {
	if err := cfg.normalise(); err != nil {
		return nil, err
	}
	access, err := newAccess(cfg.PublicAPIs)
	if err != nil {
		return nil, err
	}
	a := &API{
		writer: cfg.Writer, bodies: newBodies(cfg.MaxBody), access: access,
		limit:  newRateLimit(cfg.RateLimit, cfg.RateBurst, cfg.RateTTL, cfg.Now),
		errors: cfg.Errors, about: cfg.About, started: cfg.Now(),
		timeout: cfg.Timeout, origins: cfg.CORSOrigins, page404: !cfg.Disable404Page, log: cfg.Log, now: cfg.Now,
	}
	if a.meter, err = newMeter(cfg.Registry); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	a.route(mux, http.MethodGet, "/v1/ping", a.ping)
	a.route(mux, http.MethodGet, "/v1/ntp", a.ntp)
	a.route(mux, http.MethodPost, "/v1/write/{category}", a.write)
	a.route(mux, http.MethodPost, "/v1/lasterror", a.lastError)
	metrics := promhttp.HandlerFor(cfg.Registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	a.route(mux, http.MethodGet, "/metrics", func(w http.ResponseWriter, r *http.Request) error {
		metrics.ServeHTTP(w, r)
		return nil
	})
	mux.Handle("/", a.serve("unknown", a.notFound))
	a.handler = mux
	return a, nil
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// handler answers a request, or returns why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// route serves pattern; other methods than the given one get 405.
func (a *API) route(mux *http.ServeMux, method, pattern string, h handler) {
	name := strings.NewReplacer("{", ":", "}", "").Replace(pattern)
	mux.Handle(method+" "+pattern, a.serve(name, h))
	mux.Handle(pattern, a.serve(name, func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodOptions && w.Header().Get("Access-Control-Allow-Origin") != "" {
			w.Header().Set("Access-Control-Allow-Methods", method)
			w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Content-Encoding")
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		w.Header().Set("Allow", method)
		return fail(http.StatusMethodNotAllowed, "methodNotAllowed", "want %s", method)
	}))
}

// serve wraps a handler in what all have in common: who may call, how often
// and for how long, and how a failure is answered.
func (a *API) serve(route string, h handler) http.Handler {
	name := a.about.Version + "/" + a.about.Hostname
	count := a.meter.route(route)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-DataKit", name)
		a.allowOrigin(w, r)
		status := &statusWriter{ResponseWriter: w}
		defer count(status, time.Now())
		defer a.survive(status, route)
		ctx, cancel := context.WithTimeout(r.Context(), a.timeout)
		defer cancel()
		err := a.admit(r)
		if err == nil {
			err = h(status, r.WithContext(ctx))
		}
		if err != nil {
			a.fail(status, err)
		}
	})
}

// survive is deferred: it reports a panic of a handler, which net/http would
// only note in its own log, and answers 500.
func (a *API) survive(w *statusWriter, route string) {
	v := recover()
	if v == nil {
		return
	}
	a.log.Error("handler panicked", "route", route, "panic", v, "stack", string(debug.Stack()))
	if w.status == 0 {
		fail(http.StatusInternalServerError, "internal", "the handler failed, see the log of the agent").write(w)
	}
}

// admit refuses requests that may not, or not yet, be answered.
func (a *API) admit(r *http.Request) error {
	local := isLocal(r)
	if !local && !a.access.public(r.URL.Path) {
		return fail(http.StatusForbidden, "publicAccessDisabled", "%.200s is answered to this host only, see public_apis", r.URL.Path)
	}
	if local {
		return nil
	}
	addr, _ := clientAddr(r)
	if wait, ok := a.limit.take(addr); !ok {
		return retryAfter(wait, http.StatusTooManyRequests, "reachMaxAPILimit", "too many requests")
	}
	return nil
}

// allowOrigin lets pages of the configured origins read the answer.
func (a *API) allowOrigin(w http.ResponseWriter, r *http.Request) {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	for _, allowed := range a.origins {
		if allowed == "*" || strings.EqualFold(allowed, origin) {
			w.Header().Set("Access-Control-Allow-Origin", origin)
			w.Header().Add("Vary", "Origin")
			return
		}
	}
}

// fail answers with an error.
func (a *API) fail(w http.ResponseWriter, err error) {
	var f *failure
	switch {
	case errors.As(err, &f):
		f.write(w)
	case errors.Is(err, errTimeout):
		w.Header().Set("Connection", "close") // the rest of the body is not worth waiting for
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusRequestTimeout)
		w.Write([]byte("timeout(" + a.timeout.String() + ")"))
	default:
		fail(http.StatusInternalServerError, "internal", "%v", err).write(w)
	}
}
