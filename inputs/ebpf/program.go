package ebpf

import (
	"path/filepath"

	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/plugins"
)

// Program is the path of the collector, for an agent whose install folder is
// home. The default names the usual install folder and means the folder of
// this agent.
func (c *Config) Program(home string) string {
	cmd := c.Cmd
	if cmd == plugins.DefaultEBPF().Cmd {
		cmd = filepath.Join("externals", filepath.Base(cmd))
	}
	if filepath.IsAbs(cmd) {
		return cmd
	}
	return filepath.Join(home, cmd)
}

func (c *Config) external(home string) supervisor.External {
	return supervisor.External{
		Name: c.Name, Cmd: c.Program(home), Args: c.Args, Envs: c.Envs,
		CPULimit: c.CPULimit, MemLimit: c.MemLimit, NetLimit: c.NetLimit, LimitAction: c.LimitAction,
	}
}
