package external

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"datakit.dev/agent/internal/supervisor"
)

// Config is one [[inputs.external]].
type Config struct {
	Name     string        `toml:"name" required:"true" example:"my-collector" help:"Name of the program in logs and reports. Required."`
	Cmd      string        `toml:"cmd" required:"true" example:"/opt/my-collector/bin/collect" help:"The program. A relative path is taken from the install folder. Required. It is run\ndirectly, without a shell."`
	Args     []string      `toml:"args" help:"Its arguments."`
	Envs     []string      `toml:"envs" help:"Added to the environment of the program, as \"NAME=value\"."`
	Daemon   bool          `toml:"daemon" help:"true: a long-running program that is started again when it ends.\nfalse: it runs once per interval."`
	Interval time.Duration `toml:"interval" help:"Between two starts of a program that is no daemon."`
	Plugin   bool          `toml:"plugin" help:"The program is built with plugins/sdk: the agent configures it with the table config,\ntakes its points over a private connection and watches its health. Otherwise it\nposts its points to /v1/write/:category by itself. Implies daemon."`
	Election bool          `toml:"election" help:"Of DataKit; has no effect."`

	CPULimit    string `toml:"cpu_limit" example:"2.0" help:"Bounds of a daemon: CPU cores, resident memory, and rate of any network interface\nbut lo. A program that exceeds one is started again after a delay that grows."`
	MemLimit    string `toml:"mem_limit" example:"1GiB"`
	NetLimit    string `toml:"net_limit" example:"100MiB/s"`
	LimitAction string `toml:"limit_action" help:"What follows an exceeded limit: \"restart\" or \"stop\"."`

	Tags   map[string]string `toml:"tags" example:"some_tag = \"some_value\"" help:"Handed to the program: as --tags \"k=v;k2=v2\" behind its arguments, or with plugin = true\nadded to everything it collects."`
	Config map[string]any    `toml:"config" env:"-" example:"any_key = \"any value\"" help:"With plugin = true: the configuration of the program, handed over as it is."`
}

func defaults() *Config {
	return &Config{Args: []string{}, Envs: []string{}, Interval: 10 * time.Second, LimitAction: "restart"}
}

// GatherInterval is the period of a program that is no daemon.
func (c *Config) GatherInterval() time.Duration { return c.Interval }

// Validate checks what the types alone do not say.
func (c *Config) Validate() error {
	var errs []error
	fail := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf(key+": "+format, args...))
	}
	for k, v := range c.Tags {
		if !c.Plugin && strings.ContainsAny(k+v, "=;") {
			fail("tags", "%s=%s cannot be handed over: \"=\" and \";\" separate tags", k, v)
		}
	}
	if c.Interval < time.Second {
		fail("interval", "%s is shorter than 1s", c.Interval)
	}
	if len(c.Config) > 0 && !c.Plugin {
		fail("config", "is handed to the program only with plugin = true")
	}
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
