// Command datakit-container is the external collector for containers. The
// agent starts it for [[inputs.container]]; `datakit-container run` runs it
// alone.
package main

import (
	"flag"
	"os"

	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/container"
	"datakit.dev/agent/plugins/sdk"
)

// version is set by the linker: -X main.version=1.2.3.
var version = "0.1.0-dev"

func main() { os.Exit(sdk.Serve(program())) }

func program() sdk.Program {
	return sdk.Program{
		Name: "datakit-container", Version: version,
		Short: "Observe the containers of a host",
		Example: `  datakit-container doctor
  datakit-container run --endpoints unix:///run/containerd/containerd.sock --datakit-apiserver 127.0.0.1:9529`,
		Plugins:  []plugins.Factory{container.Factory()},
		Config:   func() any { return plugins.DefaultContainer() },
		Flags:    bindFlags,
		Settings: settings,
	}
}

// bindFlags binds the flags of "run" to the block.
func bindFlags(fs *flag.FlagSet, cfg any) {
	c := cfg.(*plugins.Container)
	fs.Var(sdk.List(&c.Endpoints), "endpoints", "sockets of container runtimes, comma-separated")
	fs.DurationVar(&c.Interval, "interval", c.Interval, "period of the metrics")
	fs.DurationVar(&c.ObjectInterval, "object-interval", c.ObjectInterval, "period of the objects")
	fs.BoolVar(&c.EnableContainerMetric, "enable-container-metric", c.EnableContainerMetric, "collect metrics")
	fs.BoolVar(&c.EnableContainerLog, "enable-container-log", c.EnableContainerLog, "collect logs")
	fs.Var(sdk.List(&c.ContainerIncludeLog), "container-include-log", "only the logs of containers that match a rule")
	fs.Var(sdk.List(&c.ContainerExcludeLog), "container-exclude-log", "but not of those that match one of these")
	fs.StringVar(&c.StateDir, "state-dir", c.StateDir, "where the positions in the logs are kept")
	fs.Var(sdk.Tags(&c.Tags), "tags", "tags for everything, \"a=b,c=d\"")
	fs.StringVar(&c.CPULimit, "res-cpu", c.CPULimit, "cores that may be used, \"1.0\"")
	fs.StringVar(&c.MemLimit, "res-mem", c.MemLimit, "resident memory that may be used, \"512MiB\"")
	fs.StringVar(&c.NetLimit, "res-net", c.NetLimit, "rate that any network interface may reach, \"100MiB/s\"")
}

// settings takes out of the block what concerns the whole process.
func settings(cfg any) sdk.Settings {
	c := cfg.(*plugins.Container)
	return sdk.Settings{Interval: c.Interval, CPULimit: c.CPULimit, MemLimit: c.MemLimit, NetLimit: c.NetLimit, Tags: c.Tags}
}
