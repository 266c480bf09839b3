package supervisor

import (
	"log/slog"
	"time"

	"datakit.dev/agent/internal/hostfs"
	"datakit.dev/agent/internal/ledger"
	"datakit.dev/agent/internal/limit"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins/rpc"
)

// What follows an exceeded limit.
const (
	ActionRestart = "restart" // after a cool-down that grows
	ActionStop    = "stop"    // stay down until the configuration changes
)

// Config says what to run and how. Durations of zero have defaults.
type Config struct {
	Name    string // of the external, in logs, events and accounts
	Command Command

	// Plugin makes the program a child of plugins/rpc; nil for a program
	// that delivers by itself.
	Plugin *Plugin

	Limits      limit.Limits
	LimitAction string // ActionRestart (default) or ActionStop

	StartTimeout time.Duration // until the child answers; 30 s
	StopTimeout  time.Duration // to flush and end, before it is killed; 8 s
	MinDelay     time.Duration // before the first restart; 1 s
	MaxDelay     time.Duration // 1 min
	CoolDown     time.Duration // before the first restart after a limit; 30 s
	MaxCoolDown  time.Duration // 30 min
	LimitWindow  time.Duration // over which the backstop averages; twice that of the child
	Poll         time.Duration // between looks at a child's health; 5 s

	Log    *slog.Logger
	Now    func() time.Time
	FS     hostfs.Root
	Errors func(error) // records the last error; nil clears it
}

// Command is a program to start.
type Command struct {
	Path string
	Args []string // without the program's name
	Env  []string // all of it: nothing is inherited
	Dir  string
}

// Plugin is what a child of plugins/rpc needs beside a command.
type Plugin struct {
	Config  rpc.Config
	Version string          // of the agent
	Blocks  point.BlockSink // takes what the child collects
	Book    *ledger.Book    // of Blocks
	RunDir  string          // for sockets; made when it is missing
}

func (c *Config) setDefaults() {
	def := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	def(&c.StartTimeout, 30*time.Second)
	def(&c.StopTimeout, 8*time.Second)
	def(&c.MinDelay, time.Second)
	def(&c.MaxDelay, time.Minute)
	def(&c.CoolDown, 30*time.Second)
	def(&c.MaxCoolDown, 30*time.Minute)
	def(&c.LimitWindow, 2*limit.DefaultWindow)
	def(&c.Poll, 5*time.Second)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Errors == nil {
		c.Errors = func(error) {}
	}
}
