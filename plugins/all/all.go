// Package all lists the plugins that are linked into datakit-ebpf.
package all

import (
	"datakit.dev/agent/netlog"
	"datakit.dev/agent/plugins"
	"datakit.dev/agent/plugins/ebpfnet"
)

// Factories returns the plugins, one line each.
func Factories() []plugins.Factory {
	return []plugins.Factory{
		ebpfnet.Factory(),
		netlog.Factory(),
	}
}
