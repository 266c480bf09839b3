package netlog

import (
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/netlog/log"
	"datakit.dev/agent/plugins"
)

// Name is how the plugin is enabled.
const Name = "bpf-netlog"

// Factory describes the plugin.
func Factory() plugins.Factory {
	return plugins.Factory{
		Name:  Name,
		Help:  "Connection logs from packets, and flows where eBPF is not available.",
		Spec:  Spec(),
		Table: func() any { return DefaultTable() },
		New: func(cfg plugins.Config, env plugins.Env) (plugins.Plugin, error) {
			return newPlugin(cfg, env)
		},
	}
}

// Spec describes what the plugin and [Replay] emit.
func Spec() []point.Measurement {
	return []point.Measurement{
		flow.Measurement(), flow.HTTPMeasurement(), flow.DNSMeasurement(),
		log.L4Measurement(), log.L7Measurement(),
	}
}
