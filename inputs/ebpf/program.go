package ebpf

import (
	"path/filepath"

	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/plugins"
)

// Program is the path of the collector, for an agent whose install folder is
// home.
func (c *Config) Program(home string) string { return c.external().Program(home) }

// external reads the default command, which names the usual install folder, as
// that of this agent.
func (c *Config) external() supervisor.External {
	cmd := c.Cmd
	if cmd == plugins.DefaultEBPF().Cmd {
		cmd = filepath.Join("externals", filepath.Base(cmd))
	}
	return supervisor.External{
		Name: c.Name, Cmd: cmd, Args: c.Args, Envs: c.Envs,
		CPULimit: c.CPULimit, MemLimit: c.MemLimit, NetLimit: c.NetLimit, LimitAction: c.LimitAction,
	}
}
