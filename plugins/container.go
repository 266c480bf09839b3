package plugins

import (
	"time"

	"datakit.dev/agent/internal/point/selection"
)

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

	EnableContainerLog            bool     `toml:"enable_container_log" help:"Collect what containers write to stdout and stderr, from the files of their runtimes."`
	ContainerIncludeLog           []string `toml:"container_include_log" help:"Only the logs of containers that match one of these: \"image:<pattern>\", also image_name,\nimage_short_name, container_name, pod_name, namespace; * stands for any text, ? for one\ncharacter. Empty: all."`
	ContainerExcludeLog           []string `toml:"container_exclude_log" help:"But not those that match one of these."`
	LoggingSearchInterval         Duration `toml:"logging_search_interval" help:"How often new logs are looked for, 1s to 5m."`
	LoggingFileFromBeginning      bool     `toml:"logging_file_from_beginning" help:"On the very first run, collect what was logged before. Later runs go on where the last\none ended; logs of new containers are always collected from their first line."`
	LoggingAutoMultilineDetection bool     `toml:"logging_auto_multiline_detection" help:"Join lines that belong together: those that begin with white space go on, and where lines\nbegin with a date, those that do not."`
	LoggingRemoveANSIEscapeCodes  bool     `toml:"logging_remove_ansi_escape_codes" help:"Remove the codes that colour text."`
	LoggingMaxOpenFiles           int      `toml:"logging_max_open_files" help:"Logs that are followed at a time. Those beyond it are counted and wait."`
	LoggingMaxEntry               int      `toml:"logging_max_entry" help:"Bytes of one log. The rest of a longer line is cut off and counted."`
	StateDir                      string   `toml:"state_dir" help:"Where the positions in the logs are kept. A relative path is taken from the install folder."`

	selection.Lists

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
		EnableContainerLog:  true,
		ContainerIncludeLog: []string{}, ContainerExcludeLog: []string{"image:*logfwd*", "image:*datakit*"},
		LoggingSearchInterval: 10 * time.Second, LoggingAutoMultilineDetection: true,
		LoggingMaxOpenFiles: 500, LoggingMaxEntry: 256 << 10,
		StateDir: "data/container",
	}
}
