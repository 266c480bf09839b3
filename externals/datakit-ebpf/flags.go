package main

import (
	"flag"
	"fmt"
	"strings"

	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/sdk"
)

// bindFlags binds the flags of `datakit-ebpf run` to the block. Their names
// are those of the public collector page, so that existing args go on
// working.
func bindFlags(fs *flag.FlagSet, cfg any) {
	c := cfg.(*plugins.EBPF)
	fs.Var(sdk.List(&c.EnabledPlugins), "enabled", "plugins to run, comma-separated")
	fs.DurationVar(&c.Interval, "interval", c.Interval, "period of aggregation, from 1s")
	fs.Var(sdk.Tags(&c.Tags), "tags", "tags for everything, \"a=b,c=d\"")

	fs.Var(sdk.List(&c.L4NetEnabled), "l4net-enabled", "transport protocols of netflow")
	fs.Var(sdk.List(&c.L7NetEnabled), "l7net-enabled", "httpflow, httpflow-tls; empty for no HTTP")
	fs.Var(sdk.List(&c.L7NetDisabled), "l7net-disabled", "used when l7net-enabled is not given")
	fs.IntVar(&c.EphemeralPort, "ephemeral-port", c.EphemeralPort, "client ports from this number on are reported as \"*\"; -1: all")
	fs.BoolVar(&c.IPv6Disabled, "ipv6-disabled", c.IPv6Disabled, "leave IPv6 out")
	fs.BoolVar(&c.IncludeLoopback, "include-loopback", c.IncludeLoopback, "report flows over the loopback interface")
	fs.BoolVar(&c.ContainerID, "container-id", c.ContainerID, "add the tag container_id to flows")
	fs.Var(sdk.List(&c.ScopeNetns), "scope-netns", "observe only these network namespaces: paths or inode numbers")
	fs.Var(sdk.List(&c.ScopeCgroups), "scope-cgroups", "observe only these cgroup v2 subtrees: paths or inode numbers")
	fs.IntVar(&c.MaxConnections, "max-connections", c.MaxConnections, "open connections the kernel table holds")
	fs.IntVar(&c.MaxFlows, "max-flows", c.MaxFlows, "flows reported per interval")

	fs.StringVar(&c.NetlogBlacklist, "netlog-blacklist", c.NetlogBlacklist, "packets that match a rule are not collected")
	fs.BoolVar(&c.NetlogMetric, "netlog-metric", c.NetlogMetric, "bpf-netlog: collect flows")
	fs.BoolVar(&c.NetlogLog, "netlog-log", c.NetlogLog, "bpf-netlog: collect logs")

	fs.StringVar(&c.TraceServer, "trace-server", c.TraceServer, "address of the tracing centre")
	fs.BoolVar(&c.TraceAllProcess, "trace-allprocess", c.TraceAllProcess, "trace all processes")
	fs.Var(sdk.List(&c.TraceEnvList), "trace-env-list", "trace processes with one of these environment variables")
	fs.Var(sdk.List(&c.TraceEnvBlacklist), "trace-env-blacklist", "never trace processes with one of these")
	fs.Var(sdk.List(&c.TraceNameList), "trace-name-list", "trace processes with one of these names")
	fs.Var(sdk.List(&c.TraceNameBlacklist), "trace-name-blacklist", "never trace processes with one of these names")
	fs.BoolVar(&c.ConvToDDTrace, "conv-to-ddtrace", c.ConvToDDTrace, "write trace ids as decimal 64-bit numbers")

	fs.StringVar(&c.CPULimit, "res-cpu", c.CPULimit, "cores that may be used, \"2.0\"")
	fs.StringVar(&c.MemLimit, "res-mem", c.MemLimit, "resident memory that may be used, \"4GiB\"")
	fs.StringVar(&c.NetLimit, "res-bandwidth", c.NetLimit, "rate that any network interface may reach, \"100MiB/s\"")
	fs.StringVar(&c.NetLimit, "res-net", c.NetLimit, "the same as --res-bandwidth")
	fs.StringVar(&c.SamplingRate, "sampling-rate", c.SamplingRate, "share of flows to report, 0.01 to 1.00")
	fs.StringVar(&c.SamplingRatePtsPerMin, "sampling-rate-ptsperminute", c.SamplingRatePtsPerMin, "points per minute to aim at")

	fs.StringVar(&c.PprofHost, "pprof-host", c.PprofHost, "address of Go's pprof service")
	fs.StringVar(&c.PprofPort, "pprof-port", c.PprofPort, "its port; \"\" switches it off")

	for _, name := range []string{"netlog-protocols", "container-endpoints", "trace-protos", "trace-protos-blacklist"} {
		fs.Var(later{name}, name, "not yet active: any value is accepted")
	}
}

// later is a flag that existing command lines have and that nothing obeys
// yet.
type later struct{ name string }

// String implements [flag.Value].
func (later) String() string { return "" }

// Set implements [flag.Value].
func (l later) Set(text string) error {
	if strings.TrimSpace(text) == "" {
		return fmt.Errorf("a value is missing")
	}
	return nil
}
