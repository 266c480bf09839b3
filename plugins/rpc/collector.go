package rpc

import (
	"context"

	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/plugins"
)

// Collector is what a child serves.
type Collector interface {
	Describe() Description
	// Configure is called once, before Collect. Its error is the user's to
	// repair and says where the mistake is and what is allowed.
	Configure(ctx context.Context, cfg Config) (Configured, error)
	// Collect runs the plugins. It returns when they have ended and
	// everything went out, or when ctx, which is the host's connection, ends.
	Collect(ctx context.Context, out *Outlet) error
	Health() Health
	// Stop makes Collect end and waits for it, no longer than ctx. It names
	// what did not end in time.
	Stop(ctx context.Context) (unfinished []string)
}

// Description is what a child says about itself.
type Description struct {
	Name, Version string
	Plugins       []PluginInfo
}

// PluginInfo describes one plugin of a child.
type PluginInfo struct {
	Name, Help   string
	Table        bool   // takes a table of its own
	Fallback     string // takes over when this one cannot load
	Measurements []string
}

// Config is what a host configures a child with.
type Config struct {
	TOML       string            // the keys of the block
	Source     string            // names the block in messages
	Tags       map[string]string // global tags of the agent
	Hostname   string
	APIAddress string // HTTP API of the agent
}

// Configured is the answer to a configuration that is right.
type Configured struct {
	Plugins  []string // that will run
	Warnings []string
}

// Health is the state of a child.
type Health struct {
	Plugins  []plugins.State
	Accounts []ledger.Account
	Counters Counters
}

// Counters are numbers of points since the start of a child, read at one
// moment: Captured is the sum of all others.
type Counters struct {
	Captured int64
	Emitted  int64 // in blocks whose acknowledgement arrived
	Pending  int64 // being batched, or sent and not acknowledged
	Filtered int64
	Sampled  int64
	Dropped  map[string]int64 // by reason
}
