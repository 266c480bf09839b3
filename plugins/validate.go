package plugins

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names are the plugins that enabled_plugins may name.
func Names() []string {
	return []string{"ebpf-net", "ebpf-bash", "ebpf-conntrack", "ebpf-trace", "bpf-netlog"}
}

// Validate checks what the types alone do not say, except for the limits,
// which internal/limit parses. Its errors begin with the key.
func (e *EBPF) Validate() error {
	var errs []error
	fail := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf(key+": "+format, args...))
	}
	each := func(key string, values, allowed []string) {
		for _, v := range values {
			if !slices.Contains(allowed, v) {
				fail(key, "%q is unknown; allowed are %s", v, strings.Join(allowed, ", "))
			}
		}
	}
	each("enabled_plugins", e.EnabledPlugins, Names())
	if len(e.EnabledPlugins) == 0 {
		fail("enabled_plugins", "names no plugin; allowed are %s", strings.Join(Names(), ", "))
	}
	each("l4net_enabled", e.L4NetEnabled, []string{"tcp", "udp"})
	each("l7net_enabled", e.L7NetEnabled, []string{"httpflow", "httpflow-tls"})
	each("l7net_disabled", e.L7NetDisabled, []string{"httpflow", "httpflow-tls", "dnsflow"})
	each("limit_action", []string{e.LimitAction}, []string{"restart", "stop"})
	for _, v := range e.Envs {
		if name, _, ok := strings.Cut(v, "="); !ok || name == "" {
			fail("envs", "%q is not of the form NAME=value", v)
		}
	}
	if e.Cmd == "" {
		fail("cmd", "is required")
	}
	if e.Interval < time.Second {
		fail("interval", "%s is shorter than 1s", e.Interval)
	}
	if e.EphemeralPort > 65535 {
		fail("ephemeral_port", "%d is no port", e.EphemeralPort)
	}
	if e.MaxConnections < 1 {
		fail("max_connections", "has to be at least 1")
	}
	if e.MaxFlows < 1 {
		fail("max_flows", "has to be at least 1")
	}
	e.validateSampling(fail)
	if port, err := strconv.Atoi(e.PprofPort); e.PprofPort != "" && (err != nil || port < 0 || port > 65535) {
		fail("pprof_port", "%q is no port", e.PprofPort)
	}
	return errors.Join(errs...)
}

func (e *EBPF) validateSampling(fail func(key, format string, args ...any)) {
	if e.SamplingRate != "" && e.SamplingRatePtsPerMin != "" {
		fail("sampling_rate", "and sampling_rate_pts_per_min exclude each other")
	}
	if rate, err := strconv.ParseFloat(e.SamplingRate, 64); e.SamplingRate != "" && (err != nil || !(rate >= 0.01 && rate <= 1)) {
		fail("sampling_rate", "%q is not a number from 0.01 to 1.00", e.SamplingRate)
	}
	if n, err := strconv.ParseFloat(e.SamplingRatePtsPerMin, 64); e.SamplingRatePtsPerMin != "" && (err != nil || !(n >= 1 && n < 1e12)) {
		fail("sampling_rate_pts_per_min", "%q is not a number of points from 1 on", e.SamplingRatePtsPerMin)
	}
}
