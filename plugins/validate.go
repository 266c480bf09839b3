package plugins

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"datakit.dev/agent/filter"
)

// Names are the plugins that enabled_plugins may name.
func Names() []string {
	return []string{"ebpf-net", "ebpf-bash", "ebpf-conntrack", "ebpf-trace", "bpf-netlog"}
}

// Validate checks what the types alone do not say. How the program is run is
// checked by internal/supervisor, its limits by internal/limit, and scopes are
// looked at when the plugins load. Its errors begin with the key.
func (e *EBPF) Validate() error {
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
	must(len(e.EnabledPlugins) > 0, "enabled_plugins", "is empty; allowed are %s", strings.Join(Names(), ", "))
	oneOf("enabled_plugins", e.EnabledPlugins, Names()...)
	for name := range e.Tables {
		must(slices.Contains(Names(), name), name, "unknown key; tables are for %s", strings.Join(Names(), ", "))
	}
	oneOf("l4net_enabled", e.L4NetEnabled, "tcp", "udp")
	oneOf("l7net_enabled", e.L7NetEnabled, "httpflow", "httpflow-tls")
	oneOf("l7net_disabled", e.L7NetDisabled, "httpflow", "httpflow-tls", "dnsflow")
	must(e.Interval >= time.Second, "interval", "%v is shorter than 1s", e.Interval)
	must(e.EphemeralPort >= -1 && e.EphemeralPort <= 65535, "ephemeral_port", "%d is no port; allowed are 0 to 65535", e.EphemeralPort)
	must(e.MaxConnections > 0, "max_connections", "%d is not a positive number", e.MaxConnections)
	must(e.HTTPMaxPaths > 0, "http_max_paths", "%d is not a positive number", e.HTTPMaxPaths)
	must(e.MaxFlows > 0, "max_flows", "%d is not a positive number", e.MaxFlows)
	if e.PprofPort != "" {
		port, err := strconv.ParseUint(e.PprofPort, 10, 16)
		must(err == nil && port > 0, "pprof_port", "%q is no port; allowed are 1 to 65535, and \"\" for none", e.PprofPort)
	}
	rate, err := strconv.ParseFloat(e.SamplingRate, 64)
	must(e.SamplingRate == "" || err == nil && rate >= 0.01 && rate <= 1, "sampling_rate", "%q is not a number from 0.01 to 1.00", e.SamplingRate)
	perMinute, err := strconv.Atoi(e.SamplingRatePtsPerMin)
	must(e.SamplingRatePtsPerMin == "" || err == nil && perMinute >= 1, "sampling_rate_pts_per_min", "%q is not a number of points from 1", e.SamplingRatePtsPerMin)
	must(e.SamplingRate == "" || e.SamplingRatePtsPerMin == "", "sampling_rate_pts_per_min", "cannot be used together with sampling_rate")
	_, err = filter.Compile(e.NetlogBlacklist)
	must(err == nil, "netlog_blacklist", "%v", err)
	return errors.Join(errs...)
}
