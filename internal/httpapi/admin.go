package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// AdminConfig is what the private API needs. All fields are required.
type AdminConfig struct {
	Path     string // of the unix socket
	State    func() State
	Accounts func() []ledger.Account
	Reload   func(ctx context.Context) (report string, err error)
	Level    *slog.LevelVar
	Tap      *Tap
	API      *API // serves /v1/write, for replay
	Log      *slog.Logger
}

// Admin is the private API of the agent. Whoever may open its socket, mode
// 0600, may do everything.
type Admin struct {
	cfg      AdminConfig
	listener net.Listener
	tick     time.Duration
}

// tailTick is how often the live stream shows that it is alive.
const tailTick = time.Second

// ListenAdmin takes the socket. A stale one is replaced; the error wraps
// [ErrSocketInUse] when another agent answers on it.
func ListenAdmin(cfg AdminConfig) (*Admin, error) {
	l, err := listenUnix(cfg.Path, 0o600)
	if err != nil {
		return nil, err
	}
	return &Admin{cfg: cfg, listener: l, tick: tailTick}, nil
}

// Run answers until ctx ends.
func (a *Admin) Run(ctx context.Context) error {
	server := &http.Server{
		Handler:           a.handler(ctx),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ErrorLog:          slog.NewLogLogger(a.cfg.Log.Handler(), slog.LevelDebug),
	}
	return serve(ctx, a.listener, server, drainTimeout)
}

// handler routes the private paths; stop ends the live streams.
func (a *Admin) handler(stop context.Context) http.Handler {
	mux := http.NewServeMux()
	get := func(path string, value func() any) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, value()) })
	}
	get("/admin/state", func() any { return a.cfg.State() })
	get("/admin/ledger", func() any { return a.cfg.Accounts() })
	get("/admin/level", func() any { return levelBody{a.cfg.Level.Level().String()} })
	mux.HandleFunc("PUT /admin/level", a.setLevel)
	mux.HandleFunc("POST /admin/reload", a.reload)
	mux.HandleFunc("GET /admin/tail", func(w http.ResponseWriter, r *http.Request) { a.tail(stop, w, r) })
	mux.Handle("/v1/", a.cfg.API)
	mux.Handle("/metrics", a.cfg.API)
	return mux
}

type levelBody struct {
	Level string `json:"level"`
}

func (a *Admin) setLevel(w http.ResponseWriter, r *http.Request) {
	var body levelBody
	var level slog.Level
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxErrorBody)).Decode(&body)
	if err == nil {
		err = level.UnmarshalText([]byte(body.Level))
	}
	if err != nil {
		fail(http.StatusBadRequest, "invalidLevel", "want debug, info, warn or error: %v", err).write(w)
		return
	}
	a.cfg.Level.Set(level)
	a.cfg.Log.Info("log level changed", "level", level.String())
	writeJSON(w, http.StatusOK, levelBody{level.String()})
}

// reloadBody is the outcome of a reload.
type reloadBody struct {
	Report string `json:"report"`
}

func (a *Admin) reload(w http.ResponseWriter, r *http.Request) {
	report, err := a.cfg.Reload(r.Context())
	if err != nil {
		fail(http.StatusUnprocessableEntity, "invalidConfig", "%v", err).write(w)
		return
	}
	writeJSON(w, http.StatusOK, reloadBody{report})
}

// tail streams blocks until the client leaves or stop ends.
func (a *Admin) tail(stop context.Context, w http.ResponseWriter, r *http.Request) {
	categories, err := parseCategories(r.URL.Query().Get("category"))
	if err != nil {
		fail(http.StatusBadRequest, "invalidCategory", "%v", err).write(w)
		return
	}
	sub, leave := a.cfg.Tap.subscribe(categories)
	defer leave()
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/octet-stream")
	ticks := time.NewTicker(a.tick)
	defer ticks.Stop()
	var frame []byte
	send := func(b *point.Block) error {
		frame = appendFrame(frame[:0], b, sub.missed.Swap(0))
		if _, err := w.Write(frame); err != nil {
			return err
		}
		return control.Flush()
	}
	for err := send(nil); err == nil; { // an empty frame first: the stream has begun
		select {
		case b := <-sub.blocks:
			err = send(b)
		case <-ticks.C:
			err = send(nil)
		case <-r.Context().Done():
			return
		case <-stop.Done():
			return
		}
	}
}

// parseCategories reads a list such as "network,metric"; empty means all.
func parseCategories(list string) ([]point.Category, error) {
	if list == "" {
		return nil, nil
	}
	var all []point.Category
	for name := range strings.SplitSeq(list, ",") {
		c, err := point.ParseCategory(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}
