package container

import (
	"errors"
	"fmt"
	"time"

	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/plugins"
)

// Config is the block [[inputs.container]], with what the agent checks before
// it hands it to the program.
type Config plugins.Container

func defaults() *Config { return (*Config)(plugins.DefaultContainer()) }

// ForTrial implements [inputs.Trial]: reading logs would move the positions
// in them.
func (c *Config) ForTrial() { c.EnableContainerLog = false }

// Validate checks what the types alone do not say. Endpoints are looked at by
// the program.
func (c *Config) Validate() error {
	var errs []error
	must := func(ok bool, key, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(key+": "+format, args...))
		}
	}
	within := func(key string, d, least, most time.Duration) {
		must(d >= least && d <= most, key, "%v is not within %v and %v", d, least, most)
	}
	must(len(c.Endpoints) > 0, "endpoints", "is empty")
	within("interval", c.Interval, 10*time.Second, 5*time.Minute)
	within("object_interval", c.ObjectInterval, 10*time.Second, 30*time.Minute)
	within("logging_search_interval", c.LoggingSearchInterval, time.Second, 5*time.Minute)
	must(c.LoggingMaxOpenFiles > 0, "logging_max_open_files", "%d is not a positive number", c.LoggingMaxOpenFiles)
	must(c.LoggingMaxEntry >= 1024 && c.LoggingMaxEntry <= 1<<20, "logging_max_entry", "%d is not within 1024 and 1048576", c.LoggingMaxEntry)
	must(c.StateDir != "", "state_dir", "is empty")
	return errors.Join(append(errs, c.external().Validate())...)
}

// Files implements [inputs.Files].
func (c *Config) Files(home string) map[string][]string {
	return map[string][]string{"cmd": {c.external().Program(home)}}
}

func (c *Config) external() supervisor.External {
	return supervisor.External{
		Name: c.Name, Cmd: c.Cmd, Args: c.Args, Envs: c.Envs,
		CPULimit: c.CPULimit, MemLimit: c.MemLimit, NetLimit: c.NetLimit, LimitAction: c.LimitAction,
	}
}
