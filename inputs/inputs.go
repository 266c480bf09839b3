// Package inputs is the contract between the agent and its inputs, the
// collectors that run inside the datakit process.
//
// An input lives in a folder of its own, inputs/<name>, and is known to the
// agent by one line in inputs/all. Nothing happens at import time: a
// [Factory] is data.
package inputs

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/internal/point/selection"
)

// Lists are embedded by config structs: which fields and tags are wanted.
type Lists = selection.Lists

// ErrNoData is returned by Gather when there is nothing to report this time.
// It is not a failure.
var ErrNoData = errors.New("no data")

// Factory describes one kind of input.
type Factory struct {
	Name      string              // as in [[inputs.<name>]]
	Catalog   string              // folder of the sample: conf.d/<catalog>/<name>.conf.sample
	Help      string              // what the input is for; the first lines of its sample
	Singleton bool                // a second [[inputs.<name>]] block is an error
	Rates     bool                // it compares with the gathering before, so the first one lacks some points or fields
	Spec      []point.Measurement // every tag and field it emits

	// Config returns a pointer to a new config struct that holds the
	// defaults. Its fields carry the tags `toml`, `help`, `example` and
	// `env` (see internal/config); it may have a method Validate() error.
	Config func() any

	// New builds the input from what Config returned, decoded and
	// validated. It does no I/O and starts no goroutine. The result is an
	// [Input] or a [Runner].
	New func(cfg any, env Env) (any, error)
}

// Input is polled by the agent at its interval.
type Input interface {
	// Gather collects once and feeds the points to out. The agent measures
	// its duration, reports its error and never runs it twice at a time.
	Gather(ctx context.Context, out point.Sink) error
}

// Runner is an input that runs by itself until ctx ends. An error makes the
// agent run it again after a growing delay; nil means that it is done.
type Runner interface {
	Run(ctx context.Context, out point.Sink) error
}

// Checker is implemented by inputs of which more can be known than New finds
// out, with I/O: an external is asked by starting it. 'datakit check' does so,
// in place of Run.
type Checker interface {
	// Check returns what is wrong with the configuration, and logs warnings.
	Check(ctx context.Context) error
}

// Interval is implemented by config structs of polled inputs.
type Interval interface {
	GatherInterval() time.Duration
}

// Trial is implemented by config structs that have to be changed for one look
// beside an agent that may be running: the input then takes nothing away from
// that agent, and everything is due at every gathering.
type Trial interface {
	ForTrial()
}

// Files is implemented by config structs that name files which have to exist
// and are looked at once, when the input starts. A reload starts the input
// again when one of them is another file than before, though the block is the
// same, and 'datakit check' says which are missing.
type Files interface {
	// Files returns absolute paths by key; home is the install folder.
	Files(home string) map[string][]string
}

// Selector is implemented by config structs that embed [Lists]. The agent
// applies them to what the input feeds.
type Selector interface {
	Selection() *Lists
}

// Agent is what the agent says about itself.
type Agent struct {
	Version    string
	LogLevel   string
	Collectors []Collector
}

// Collector is one input of the agent.
type Collector struct {
	Name        string
	Gathers     int64
	LastGather  time.Time // zero: never
	LastError   string
	LastErrorAt time.Time
}

// Env is what the agent hands to an input. All fields are set unless they
// say otherwise.
type Env struct {
	Log      *slog.Logger // has the attribute input=<name>
	FS       hostfs.Root
	Now      func() time.Time
	Hostname string
	Home     string            // install folder
	Blocks   point.BlockSink   // for inputs that receive finished blocks (externals)
	Book     *ledger.Book      // where to add accounts
	Errors   func(err error)   // records the input's last error, shown by /v1/lasterror and monitor; nil clears it
	Tags     map[string]string // global tags, already with host
	Environ  []string          // environment of the agent, to choose from for programs it starts
	Version  string            // of the agent
	APIAddr  string            // where local clients reach the HTTP API, "127.0.0.1:9529"
	Agent    func() Agent      // what the agent says about itself; nil where none runs, as in a check
}
