package plugins

import "time"

// Container is the block [[inputs.container]], shared by the agent, which
// validates it, and by datakit-container, which receives it.
type Container struct {
	Name string   `toml:"name" help:"Name of the collector in logs and reports."`
	Cmd  string   `toml:"cmd" help:"The program. A relative path is taken from the install folder."`
	Args []string `toml:"args" help:"Arguments; they count as flags and beat every other setting."`
	Envs []string `toml:"envs" help:"Added to the environment of the program, as \"NAME=value\"."`

	CPULimit    string `toml:"cpu_limit" example:"1.0" help:"Bounds of the program: CPU cores, resident memory, rate of any network interface but lo.\nA program that exceeds one is started again after a delay that grows."`
	MemLimit    string `toml:"mem_limit" example:"512MiB"`
	NetLimit    string `toml:"net_limit" example:"100MiB/s"`
	LimitAction string `toml:"limit_action" help:"What follows an exceeded limit: \"restart\" or \"stop\"."`

	Endpoints []string `toml:"endpoints" help:"Sockets of container runtimes, tried also below HOST_ROOT. Those that do not exist are\nlooked for again at every discovery."`

	EnableContainerMetric bool     `toml:"enable_container_metric" help:"Collect CPU, memory, block I/O and network of running containers."`
	Interval              Duration `toml:"interval" help:"Period of the metrics, 10s to 5m."`
	ObjectInterval        Duration `toml:"object_interval" help:"Period of the objects, 10s to 30m."`

	Tags map[string]string `toml:"tags" help:"Added to everything the collector reports." example:"some_tag = \"some_value\""`
}

// DefaultContainer returns the defaults of the block.
func DefaultContainer() *Container {
	return &Container{
		Name: "container", Cmd: "externals/datakit-container", Args: []string{}, Envs: []string{},
		LimitAction: "restart",
		Endpoints: []string{
			"unix:///var/run/docker.sock",
			"unix:///var/run/containerd/containerd.sock",
			"unix:///var/run/crio/crio.sock",
			"unix:///run/podman/podman.sock",
		},
		EnableContainerMetric: true,
		Interval:              time.Minute, ObjectInterval: 5 * time.Minute,
	}
}
