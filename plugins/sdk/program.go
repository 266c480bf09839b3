package sdk

import (
	"flag"
	"time"

	"github.com/spf13/cobra"

	"datakit.dev/agent/plugins"
)

// Program describes an external collector.
type Program struct {
	Name    string // of the binary: "datakit-ebpf"
	Version string
	Short   string // what it does, in one line
	Example string // commands a newcomer can copy, for the help text
	Plugins []plugins.Factory

	// Config returns a pointer to a new struct that holds the defaults of
	// the program's block, with the field tags of internal/config. It may
	// have a method Validate() error. nil: the block has no keys but the
	// plugins' tables.
	Config func() any

	// Flags binds command line flags to a config struct; they beat what the
	// block says. nil: none.
	Flags func(fs *flag.FlagSet, cfg any)

	// Settings takes out of a config struct what concerns the whole
	// program. nil: all plugins, no limits.
	Settings func(cfg any) Settings

	// Commands are further sub-commands, beside run, doctor and version.
	// Their context ends with SIGTERM and SIGINT.
	Commands []*cobra.Command
}

// Settings are what the program, rather than a plugin, obeys.
type Settings struct {
	Plugins  []string      // names of those to run; nil means all
	Interval time.Duration // when aggregated points are due; 0 means a minute

	CPULimit, MemLimit, NetLimit string // as in [[inputs.ebpf]]; "" is no limit
	PprofHost, PprofPort         string // "" as port switches pprof off
	Tags                         map[string]string
}

// defaultInterval is when aggregated points are due unless configured.
const defaultInterval = time.Minute

func (p Program) config() any {
	if p.Config == nil {
		return &struct{}{}
	}
	return p.Config()
}

func (p Program) settings(cfg any) Settings {
	var s Settings
	if p.Settings != nil {
		s = p.Settings(cfg)
	}
	if s.Interval <= 0 {
		s.Interval = defaultInterval
	}
	return s
}

func (p Program) factory(name string) (plugins.Factory, bool) {
	for _, f := range p.Plugins {
		if f.Name == name {
			return f, true
		}
	}
	return plugins.Factory{}, false
}

func (p Program) names() (all []string) {
	for _, f := range p.Plugins {
		all = append(all, f.Name)
	}
	return all
}
