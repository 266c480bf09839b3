package ebpfnet

import (
	"slices"

	"datakit.dev/agent/plugins"
)

// inactive lists what the configuration asks for and this version does not
// do yet.
func inactive(c *plugins.EBPF) (names []string) {
	if wants(c.L4NetEnabled, "udp") {
		names = append(names, "udp")
	}
	for _, name := range []string{"httpflow", "httpflow-tls"} {
		if wants(c.L7NetEnabled, name) {
			names = append(names, name)
		}
	}
	if !wants(c.L7NetDisabled, "dnsflow") {
		names = append(names, "dnsflow")
	}
	return names
}

func wants(list []string, name string) bool { return slices.Contains(list, name) }
