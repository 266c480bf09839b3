// Command datakit-ebpf is the external collector that carries the eBPF
// plugins. The agent starts it for [[inputs.ebpf]]; `datakit-ebpf run` runs it
// alone.
package main

import (
	"os"

	"github.com/spf13/cobra"

	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/all"
	"datakit.dev/agent/plugins/sdk"
)

// version is set by the linker: -X main.version=1.2.3.
var version = "0.1.0-dev"

func main() { os.Exit(sdk.Serve(program())) }

func program() sdk.Program {
	return sdk.Program{
		Name: "datakit-ebpf", Version: version,
		Short: "Observe the network connections, shells and requests of a host with eBPF",
		Example: `  datakit-ebpf doctor                                  what works on this machine
  datakit-ebpf run --datakit-apiserver 127.0.0.1:9529  collect, post to an agent
  datakit-ebpf run --interval 10s --scope-cgroups /sys/fs/cgroup/system.slice/nginx.service`,
		Plugins:  all.Factories(),
		Config:   func() any { return plugins.DefaultEBPF() },
		Flags:    bindFlags,
		Settings: settings,
		Commands: []*cobra.Command{netlogCommand()},
	}
}

// settings takes out of the block what concerns the whole process.
func settings(cfg any) sdk.Settings {
	c := cfg.(*plugins.EBPF)
	return sdk.Settings{
		Plugins: c.EnabledPlugins, Interval: c.Interval,
		CPULimit: c.CPULimit, MemLimit: c.MemLimit, NetLimit: c.NetLimit,
		PprofHost: c.PprofHost, PprofPort: c.PprofPort, Tags: c.Tags,
	}
}
