// Package ebpfnet is the plugin ebpf-net: the network flows of a machine,
// seen from inside its kernel.
//
// For TCP nothing runs per packet or per send. Two tracepoints follow the
// life of each connection, a table holds the open ones, and what they
// transferred is read from the kernel's own sockets: once per interval while
// they live, once when they end.
//
//	tp_btf/inet_sock_set_state ─┐            ┌─ ring buffer, ended ────┐
//	tp_btf/tcp_destroy_sock ────┼─► conns ───┤                         ├─► table ─► flow.Aggregator ─► points
//	accept hooks (owner) ───────┤  in kernel └─ iter/bpf_map_elem, ────┘  (differences)
//	iter/task_file, iter/tcp ───┘               open, per interval
//
// UDP flows, DNS and HTTP come from the packets of all sockets: see
// applications and the packages payload, query and exchange.
//
// The rules by which bytes are counted and owners found are in tcp.h and
// owner.h.
package ebpfnet

import (
	"datakit.dev/agent/internal/flow"
	"datakit.dev/agent/internal/point"
	"datakit.dev/agent/plugins"
)

// Name is how the plugin is enabled.
const Name = "ebpf-net"

// Factory describes the plugin.
func Factory() plugins.Factory {
	return plugins.Factory{
		Name:     Name,
		Help:     "Network flows, HTTP and DNS of all processes, from inside the kernel.",
		Spec:     []point.Measurement{flow.Measurement(), flow.HTTPMeasurement(), flow.DNSMeasurement(), flow.DNSLogMeasurement()},
		Fallback: "bpf-netlog",
		New: func(cfg plugins.Config, env plugins.Env) (plugins.Plugin, error) {
			return newPlugin(cfg, env)
		},
	}
}
