package ebpf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"datakit.dev/agent/internal/limit"
	"datakit.dev/agent/internal/supervisor"
	"datakit.dev/agent/plugins"
)

// Config is the block [[inputs.ebpf]], with what the agent checks before it
// hands it to the program.
type Config plugins.EBPF

func defaults() *Config { return (*Config)(plugins.DefaultEBPF()) }

// names are the plugins that may be enabled. Which of them a program has is
// for the program to say.
var names = []string{"ebpf-net", "ebpf-bash", "ebpf-conntrack", "ebpf-trace", "bpf-netlog"}

// Validate checks what the types alone do not say. Scopes are looked at when
// the plugins load.
func (c *Config) Validate() error {
	var errs []error
	must := func(ok bool, key, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(key+": "+format, args...))
		}
	}
	oneOf := func(key string, values []string, allowed ...string) {
		for _, v := range values {
			must(slices.Contains(allowed, v), key, "%q is not one of %s", v, strings.Join(allowed, ", "))
		}
	}
	must(c.Name != "", "name", "is empty")
	must(c.Cmd != "", "cmd", "is empty")
	for _, e := range c.Envs {
		name, _, ok := strings.Cut(e, "=")
		must(ok && name != "", "envs", "%q is not of the form NAME=value", e)
	}
	must(len(c.EnabledPlugins) > 0, "enabled_plugins", "is empty; allowed are %s", strings.Join(names, ", "))
	oneOf("enabled_plugins", c.EnabledPlugins, names...)
	oneOf("l4net_enabled", c.L4NetEnabled, "tcp", "udp")
	oneOf("l7net_enabled", c.L7NetEnabled, "httpflow", "httpflow-tls")
	oneOf("l7net_disabled", c.L7NetDisabled, "httpflow", "httpflow-tls", "dnsflow")
	oneOf("limit_action", []string{c.LimitAction}, supervisor.ActionRestart, supervisor.ActionStop)
	must(c.Interval >= time.Second, "interval", "%v is shorter than 1s", c.Interval)
	must(c.EphemeralPort >= -1 && c.EphemeralPort <= 65535, "ephemeral_port", "%d is no port; allowed are 0 to 65535", c.EphemeralPort)
	must(c.MaxConnections > 0, "max_connections", "%d is not a positive number", c.MaxConnections)
	must(c.MaxFlows > 0, "max_flows", "%d is not a positive number", c.MaxFlows)
	if c.PprofPort != "" {
		port, err := strconv.ParseUint(c.PprofPort, 10, 16)
		must(err == nil && port > 0, "pprof_port", "%q is no port; allowed are 1 to 65535, and \"\" for none", c.PprofPort)
	}
	if _, err := limit.Parse(c.CPULimit, c.MemLimit, c.NetLimit); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(append(errs, c.sampling()...)...)
}

func (c *Config) sampling() (errs []error) {
	if c.SamplingRate != "" && c.SamplingRatePtsPerMin != "" {
		errs = append(errs, errors.New("sampling_rate_pts_per_min: cannot be used together with sampling_rate"))
	}
	if rate, err := strconv.ParseFloat(c.SamplingRate, 64); c.SamplingRate != "" && (err != nil || !(rate >= 0.01 && rate <= 1)) {
		errs = append(errs, fmt.Errorf("sampling_rate: %q is not a number from 0.01 to 1.00", c.SamplingRate))
	}
	if n, err := strconv.ParseFloat(c.SamplingRatePtsPerMin, 64); c.SamplingRatePtsPerMin != "" && (err != nil || !(n >= 1)) {
		errs = append(errs, fmt.Errorf("sampling_rate_pts_per_min: %q is not a number of points from 1", c.SamplingRatePtsPerMin))
	}
	return errs
}

// waiting says which settings are accepted and have no effect yet, because
// the plugin they belong to is not there.
func (c *Config) waiting() (warnings []string) {
	d := defaults()
	for _, name := range c.EnabledPlugins {
		if name != "ebpf-net" {
			warnings = append(warnings, fmt.Sprintf("enabled_plugins: %q is accepted, not yet active", name))
		}
	}
	for _, key := range []struct {
		name string
		set  bool
	}{
		{"kubernetes_url", c.KubernetesURL != d.KubernetesURL},
		{"bearer_token", c.BearerToken != d.BearerToken},
		{"bearer_token_string", c.BearerTokenString != d.BearerTokenString},
		{"workload_labels", !slices.Equal(c.WorkloadLabels, d.WorkloadLabels)},
		{"workload_label_prefix", c.WorkloadLabelPrefix != d.WorkloadLabelPrefix},
		{"netlog_blacklist", c.NetlogBlacklist != d.NetlogBlacklist},
		{"netlog_metric", c.NetlogMetric != d.NetlogMetric},
		{"netlog_log", c.NetlogLog != d.NetlogLog},
		{"netlog_metric_only", c.NetlogMetricOnly != d.NetlogMetricOnly},
		{"trace_server", c.TraceServer != d.TraceServer},
		{"trace_all_process", c.TraceAllProcess != d.TraceAllProcess},
		{"trace_env_list", !slices.Equal(c.TraceEnvList, d.TraceEnvList)},
		{"trace_env_blacklist", !slices.Equal(c.TraceEnvBlacklist, d.TraceEnvBlacklist)},
		{"trace_name_list", !slices.Equal(c.TraceNameList, d.TraceNameList)},
		{"trace_name_blacklist", !slices.Equal(c.TraceNameBlacklist, d.TraceNameBlacklist)},
		{"conv_to_ddtrace", c.ConvToDDTrace != d.ConvToDDTrace},
	} {
		if key.set {
			warnings = append(warnings, key.name+" is accepted, not yet active")
		}
	}
	if !c.Daemon {
		warnings = append(warnings, "daemon = false has no effect: the collector always runs as a supervised process")
	}
	return warnings
}
