package hostprocesses

import (
	"errors"
	"fmt"
	"time"

	"datakit.dev/agent/inputs"
)

// Config is [[inputs.host_processes]].
type Config struct {
	ObjectInterval time.Duration `toml:"object_interval" help:"Between two descriptions of the processes as objects."`
	OpenMetric     bool          `toml:"open_metric" help:"Measure the processes as metrics too. Each process is several time series; choose them\nwith process_name."`
	MetricInterval time.Duration `toml:"metric_interval" help:"Between two measurements as metrics."`
	ProcessName    []string      `toml:"process_name" example:"[\"^nginx$\", \"postgres\"]" help:"Regular expressions of process names to measure as metrics. Empty: all."`
	MinRunTime     time.Duration `toml:"min_run_time" help:"Younger processes are left out."`
	ListenPorts    bool          `toml:"enable_listen_ports" help:"List the TCP ports each process listens on. Looks at every open file of every process."`
	OpenFiles      bool          `toml:"enable_open_files" help:"Count the open files of each process."`
	OnlyContainers bool          `toml:"only_container_processes" help:"Leave out processes outside of containers."`
	MaxProcesses   int           `toml:"max_processes" help:"When there are more, those that use least CPU and memory are left out."`
	inputs.Lists
	Tags map[string]string `toml:"tags" example:"some_tag = \"some_value\"" help:"Added to every point."`
}

func defaults() *Config {
	return &Config{
		ObjectInterval: 5 * time.Minute, MetricInterval: 30 * time.Second, ProcessName: []string{},
		MinRunTime: 10 * time.Minute, OpenFiles: true, MaxProcesses: 4096,
	}
}

// GatherInterval implements [inputs.Interval]: that of what is gathered most
// often.
func (c *Config) GatherInterval() time.Duration {
	if c.OpenMetric {
		return min(c.MetricInterval, c.ObjectInterval)
	}
	return c.ObjectInterval
}

// ForTrial implements [inputs.Trial]: objects and metrics are due every time.
func (c *Config) ForTrial() { c.ObjectInterval, c.MetricInterval = 1, 1 }

// Validate checks what the types alone do not say.
func (c *Config) Validate() error {
	_, err := inputs.CompilePatterns("process_name", c.ProcessName)
	errs := []error{
		inputs.CheckInterval("object_interval", c.ObjectInterval, 10*time.Second),
		inputs.CheckInterval("metric_interval", c.MetricInterval, time.Second),
		inputs.CheckInterval("min_run_time", c.MinRunTime, 0), err,
	}
	if c.MaxProcesses < 1 {
		errs = append(errs, fmt.Errorf("max_processes: %d is less than 1", c.MaxProcesses))
	}
	return errors.Join(errs...)
}
