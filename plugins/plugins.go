// Package plugins is the contract between an external collector process and
// its plugins.
//
// A plugin lives in a folder of its own, plugins/<name>, and is known to its
// process by one line in plugins/all. Nothing happens at import time: a
// [Factory] is data. plugins/sdk turns a list of factories into a process
// that the agent can supervise.
package plugins

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
)

// Aliases, so that a plugin imports this package alone.
type (
	Point    = point.Point
	Tag      = point.Tag
	Field    = point.Field
	Value    = point.Value
	Sink     = point.Sink
	Storer   = point.Storer
	Category = point.Category
)

// Categories a plugin feeds.
const (
	Metric   = point.Metric
	Network  = point.Network
	Object   = point.Object
	Logging  = point.Logging
	Tracing  = point.Tracing
	KeyEvent = point.KeyEvent
)

// Int makes a signed integer value.
func Int(v int64) Value { return point.Int(v) }

// Float makes a floating point value.
func Float(v float64) Value { return point.Float(v) }

// Bool makes a boolean value.
func Bool(v bool) Value { return point.Bool(v) }

// String makes a string value.
func String(v string) Value { return point.String(v) }

// ErrNotSupported is wrapped by Load when the machine lacks what the plugin
// stands on. The text names what is missing and since which version it exists.
var ErrNotSupported = errors.New("not supported")

// Factory describes one plugin.
type Factory struct {
	Name     string              // as in enabled_plugins: "ebpf-net"
	Help     string              // one line
	Spec     []point.Measurement // every tag and field it emits
	Fallback string              // the plugin that takes over when Load fails; "" for none

	// Table returns a pointer to a new struct with the defaults of the
	// plugin's own table [inputs.<input>.<name>]; nil when it has none.
	Table func() any

	// New builds the plugin from its decoded configuration. It does no I/O
	// and starts no goroutine.
	New func(cfg Config, env Env) (Plugin, error)
}

// Config is what a plugin is configured with.
type Config struct {
	Program any // the struct of the whole [[inputs.<input>]] block, shared by all plugins of the process
	Table   any // what Factory.Table returned, decoded; nil without one
}

// Plugin is one collector inside an external process.
type Plugin interface {
	// Load loads and attaches what the plugin stands on. Failure of one
	// plugin never affects the others.
	Load() error
	// Run collects until ctx ends, then feeds what is left and returns.
	Run(ctx context.Context, out point.Sink) error
	// Close detaches everything. It is idempotent and fine without Load.
	Close() error
}

// Env is what the process hands to a plugin. All fields are set.
type Env struct {
	Log      *slog.Logger // has the attribute plugin=<name>
	FS       hostfs.Root
	Now      func() time.Time
	Interval time.Duration // how often aggregated points are due

	// Running reports whether another plugin of the process is loading or
	// running, for those that would report the same twice. Not to be called
	// from New or Load.
	Running func(name string) bool
}

// Hook is one place where a plugin is attached, for `datakit doctor`.
type Hook struct {
	Feature string `json:"feature"`          // what it serves: "tcp state"
	Attach  string `json:"attach"`           // "tp_btf/inet_sock_set_state"
	Rung    int    `json:"rung"`             // 1 procfs, netlink, iterators … 5 kprobes (docs/adr)
	OK      bool   `json:"ok"`               // attached
	Reason  string `json:"reason,omitempty"` // why not, or why this rung; a line for each that was tried
}

// Inspector is implemented by plugins that can say what they stand on. Hooks
// may be called at any time after Load, also when it failed.
type Inspector interface{ Hooks() []Hook }

// Accountant is implemented by plugins that count events. Accounts may be
// called at any time after Load; it must not block.
type Accountant interface{ Accounts() []ledger.Account }

// State is the state of a plugin in Health.
type State struct {
	Name   string    `json:"name"`
	Phase  string    `json:"phase"` // "loading", "running", "failed", "stopped"
	Error  string    `json:"error,omitempty"`
	Since  time.Time `json:"since"`
	Hooks  []Hook    `json:"hooks,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// Report is a plugin that was loaded and attached for a moment, as an external
// prints it for `doctor --json` and the agent reads it.
type Report struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
	Hooks []Hook `json:"hooks"`
}

// Phases of a plugin.
const (
	PhaseLoading = "loading"
	PhaseRunning = "running"
	PhaseFailed  = "failed"
	PhaseStopped = "stopped"
)
